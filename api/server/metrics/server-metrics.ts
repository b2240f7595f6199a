import { onAnswered } from "../answered.ts";
import type { FairnessStates } from "../fairness/fairness.ts";
import { isLongRunning } from "../fairness/levels.ts";
import type { App, Request } from "../http.ts";
import type { Kind, Kinds } from "../kinds/kind.ts";
import { addProcessMetrics } from "./process-metrics.ts";
import { type Labels, openRegistry, type Reading, type Registry } from "./registry.ts";

/** Upper bounds of the duration histogram, in seconds: those of Kubernetes, every other one. */
const bounds = [0.005, 0.025, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];

/** Verbs as Kubernetes' own metrics write them. */
const shownVerb: Readonly<Record<string, string>> = {
  get: "GET",
  list: "LIST",
  watch: "WATCH",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETECOLLECTION",
  head: "HEAD",
};
const reading = new Set(["get", "list", "watch", "head"]);
const connecting = new Set(["exec", "attach", "portforward", "proxy"]);

function verbOf({ info, headers }: Request): string {
  if (connecting.has(info.resource?.subresource ?? "")) return "CONNECT";
  const applies = headers["content-type"]?.startsWith("application/apply-patch") === true;
  if (info.verb === "patch" && applies) return "APPLY";
  return (Object.hasOwn(shownVerb, info.verb) ? shownVerb[info.verb] : undefined) ?? "other";
}

const nothing = { group: "", version: "", resource: "", subresource: "", scope: "" };

// Strangers choose paths: what we do not serve must not become a label of its own.
function labelsOf(request: Request, kinds: Kinds): Labels {
  const verb = verbOf(request);
  const { resource } = request.info;
  if (resource === undefined) return { verb, ...nothing };
  const { group, version, plural, subresource, name, namespace } = resource;
  const kind = kinds.find(group, version, plural);
  if (kind === undefined) return { verb, ...nothing };
  const part = kind.subresources.some((served) => served.name === subresource) ? subresource : "";
  const inside = namespace === "" ? "cluster" : "namespace";
  const scope = name === "" ? inside : "resource";
  return { verb, group, version, resource: plural, subresource: part, scope };
}

/** Counts requests; `serve` adds the route that shows them, behind whatever guards its app. */
export interface Metrics {
  /** For what else is worth counting. */
  readonly registry: Registry;
  /** Counts all requests of this app and of those below it. */
  count(app: App): void;
  /** Counts events that were sent to watchers. */
  countEvents(kind: Kind, count: number): void;
  /** Serves `GET /metrics`. */
  serve(app: App): void;
}

/** Requests that are being answered, by their labels. */
class Running {
  readonly #counts = new Map<string, { readonly labels: Labels; value: number }>();

  change(labels: Labels, by: 1 | -1): void {
    const key = Object.values(labels).join(" ");
    const one = this.#counts.get(key) ?? { labels, value: 0 };
    one.value += by;
    if (one.value === 0) this.#counts.delete(key);
    else this.#counts.set(key, one);
  }

  readings(): Iterable<Reading> {
    return this.#counts.values();
  }
}

/** Metrics of one server. Labels name only kinds that are served. */
export function serverMetrics(kinds: Kinds, registry: Registry = openRegistry()): Metrics {
  const requests = registry.counter({
    name: "apiserver_request_total",
    help: "Requests that were answered.",
  });
  const durations = registry.histogram({
    name: "apiserver_request_duration_seconds",
    help: "Time from the headers of a request to the end of its answer.",
    bounds,
  });
  // Counted for each of thousands of watchers: labels are made when somebody asks for them.
  const events = new Map<string, { readonly labels: Labels; value: number }>();
  registry.counterOf(
    { name: "apiserver_watch_events_total", help: "Events that were sent to watchers." },
    () => events.values(),
  );
  const longRunning = new Running();
  const inFlight = { mutating: 0, readOnly: 0 };
  registry.gauge(
    { name: "apiserver_longrunning_requests", help: "Watches, logs and streams that are open." },
    () => longRunning.readings(),
  );
  registry.gauge(
    { name: "apiserver_current_inflight_requests", help: "Requests that are being answered." },
    () =>
      Object.entries(inFlight).map(([kind, value]) => ({ labels: { request_kind: kind }, value })),
  );
  addProcessMetrics(registry);
  const change = (request: Request, by: 1 | -1): void => {
    if (isLongRunning(request.info)) longRunning.change(labelsOf(request, kinds), by);
    else inFlight[reading.has(request.info.verb) ? "readOnly" : "mutating"] += by;
  };
  return {
    registry,
    count(app) {
      app.addHook("onRequest", (request, _reply, done) => {
        change(request, 1);
        done();
      });
      onAnswered(app, (request, reply, elapsedMs) => {
        change(request, -1);
        const labels = labelsOf(request, kinds);
        requests.add({ ...labels, component: "apiserver", code: String(reply.raw.statusCode) });
        // What is long-running lasts as long as its client wants.
        if (isLongRunning(request.info)) return;
        durations.observe({ ...labels, component: "apiserver" }, elapsedMs / 1_000);
      });
    },
    countEvents({ group, version, kind }, count) {
      const key = `${group}/${version}/${kind}`;
      const known = events.get(key);
      if (known === undefined) events.set(key, { labels: { group, version, kind }, value: count });
      else known.value += count;
    },
    serve(app) {
      app.get("/metrics", (_request, reply) =>
        reply.type("text/plain; version=0.0.4; charset=utf-8").send(registry.render()),
      );
    },
  };
}

/** Shows how full the levels of fairness are. */
export function addFairnessMetrics(registry: Registry, fairness: FairnessStates): void {
  const show = (
    type: "gauge" | "counterOf",
    name: string,
    help: string,
  ): ((value: (state: ReturnType<FairnessStates["states"]>[number]) => number) => void) => {
    return (value) =>
      registry[type]({ name: `apiserver_flowcontrol_${name}`, help }, () =>
        fairness.states().map((state) => ({
          labels: { priority_level: state.level.name, flow_schema: state.level.name },
          value: value(state),
        })),
      );
  };
  show("gauge", "current_inqueue_requests", "Requests that wait for seats.")((one) => one.queued);
  show("gauge", "current_executing_seats", "Seats that are taken.")((one) => one.seatsInUse);
  show("gauge", "nominal_limit_seats", "Seats of the level.")((one) => one.level.seats);
  show("counterOf", "dispatched_requests_total", "Requests that began.")((one) => one.dispatched);
  show("counterOf", "rejected_requests_total", "Requests answered with 429.")((one) => one.refused);
  show(
    "counterOf",
    "request_wait_duration_seconds_sum",
    "Time that requests waited for seats.",
  )((one) => one.waitedSeconds);
}

/** Shows how many objects of each kind there are. */
export function addObjectCounts(
  registry: Registry,
  kinds: Kinds,
  countOf: (kind: Kind) => number,
): void {
  registry.gauge(
    { name: "apiserver_storage_objects", help: "Stored objects by resource." },
    function* () {
      const seen = new Set<string>();
      for (const kind of kinds.list()) {
        const resource = kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
        if (seen.has(resource)) continue;
        seen.add(resource);
        yield { labels: { resource }, value: countOf(kind) };
      }
    },
  );
}

/** Shows how many audit events were written, and how many a slow disk has cost. */
export function addAuditMetrics(
  registry: Registry,
  log: { readonly written: number; readonly dropped: number },
): void {
  registry.counterOf(
    { name: "apiserver_audit_event_total", help: "Audit events that were written." },
    () => [{ labels: {}, value: log.written }],
  );
  registry.counterOf(
    { name: "apiserver_audit_error_total", help: "Audit events that were dropped." },
    () => [{ labels: { plugin: "log" }, value: log.dropped }],
  );
}
