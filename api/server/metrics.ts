import { performance } from "node:perf_hooks";
import type { App, Request } from "./http.ts";
import type { Kinds } from "./kinds/kind.ts";

/** Upper bounds of the duration histogram, in seconds: those of Kubernetes, every other one. */
const bounds = [0.005, 0.025, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];

type Series = { count: number; sumSeconds: number; readonly buckets: number[] };

const knownVerbs = new Set([
  "get",
  "list",
  "watch",
  "create",
  "update",
  "patch",
  "delete",
  "deletecollection",
]);

const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

const labelText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${escaped(value)}"`)
    .join(",");

// Strangers choose paths: what we do not serve must not become a label of its own.
function labelsOf({ info }: Request, kinds: Kinds): Readonly<Record<string, string>> {
  const verb = knownVerbs.has(info.verb) ? info.verb : "other";
  const { group = "", version = "", plural = "", subresource = "" } = info.resource ?? {};
  const kind = kinds.find(group, version, plural);
  if (kind === undefined) return { verb, group: "", version: "", resource: "", subresource: "" };
  const part = kind.subresources.some(({ name }) => name === subresource) ? subresource : "";
  return { verb, group, version, resource: plural, subresource: part };
}

/** What was counted about requests, and the process, in the Prometheus text format. */
class ServerMetrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Series>();
  #inFlight = 0;

  begin(): void {
    this.#inFlight += 1;
  }

  end(labels: Readonly<Record<string, string>>, code: number, seconds: number): void {
    this.#inFlight -= 1;
    const key = labelText({ ...labels, code: String(code) });
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (labels["verb"] === "watch") return; // a watch lasts as long as its client wants
    const name = labelText(labels);
    const series = this.#durations.get(name) ?? {
      count: 0,
      sumSeconds: 0,
      buckets: bounds.map(() => 0),
    };
    this.#durations.set(name, series);
    series.count += 1;
    series.sumSeconds += seconds;
    for (const [index, bound] of bounds.entries()) {
      if (seconds <= bound) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
    }
  }

  *#lines(): Generator<string> {
    yield "# TYPE apiserver_request_total counter";
    for (const [labels, count] of this.#requests) {
      yield `apiserver_request_total{${labels}} ${count}`;
    }
    yield "# TYPE apiserver_request_duration_seconds histogram";
    for (const [labels, { count, sumSeconds, buckets }] of this.#durations) {
      const name = "apiserver_request_duration_seconds";
      for (const [index, bound] of bounds.entries()) {
        yield `${name}_bucket{${labels},le="${bound}"} ${buckets[index] ?? 0}`;
      }
      yield `${name}_bucket{${labels},le="+Inf"} ${count}`;
      yield `${name}_sum{${labels}} ${sumSeconds}`;
      yield `${name}_count{${labels}} ${count}`;
    }
    yield "# TYPE apiserver_current_inflight_requests gauge";
    yield `apiserver_current_inflight_requests ${this.#inFlight}`;
    yield* this.#processLines();
  }

  *#processLines(): Generator<string> {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    yield "# TYPE process_cpu_seconds_total counter";
    yield `process_cpu_seconds_total ${(user + system) / 1e6}`;
    yield "# TYPE process_resident_memory_bytes gauge";
    yield `process_resident_memory_bytes ${rss}`;
    yield "# TYPE nodejs_heap_size_used_bytes gauge";
    yield `nodejs_heap_size_used_bytes ${heapUsed}`;
    yield "# TYPE nodejs_eventloop_utilization gauge";
    yield `nodejs_eventloop_utilization ${performance.eventLoopUtilization().utilization}`;
  }

  render(): string {
    return `${[...this.#lines()].join("\n")}\n`;
  }
}

/** Counts requests; `serve` adds the route that shows them, behind whatever guards its app. */
export interface Metrics {
  /** Counts all requests of this app and of those below it. */
  count(app: App): void;
  /** Serves `GET /metrics`. */
  serve(app: App): void;
}

/** Metrics of one server. Labels name only kinds that are served. */
export function serverMetrics(kinds: Kinds): Metrics {
  const metrics = new ServerMetrics();
  return {
    count(app) {
      app.addHook("onRequest", async () => metrics.begin());
      app.addHook("onResponse", async (request, reply) => {
        metrics.end(labelsOf(request, kinds), reply.statusCode, reply.elapsedTime / 1000);
      });
    },
    serve(app) {
      app.get("/metrics", (_request, reply) =>
        reply.type("text/plain; version=0.0.4; charset=utf-8").send(metrics.render()),
      );
    },
  };
}
