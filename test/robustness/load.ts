import { setTimeout as sleep } from "node:timers/promises";
import type { Answer, Api } from "./api.ts";
import type { Change, History, Read, Seen, Version, Watched, Write } from "./history.ts";

/** Where the ConfigMaps are that the load writes. */
export const namespace = "default";
/** Its value is the name of the run, so that objects of others do not show. */
export const label = "robustness";
const path = `/api/v1/namespaces/${namespace}/configmaps`;
const namesInUse = 10;

/** One server under load: `open` gives the client of its present life. */
export type Target = { readonly name: string; open(): Api };

/** Load that runs until it is stopped. */
export type Load = {
  readonly history: History;
  /** Ends the writers and readers, lets the watches reach the end, and waits for all. */
  stop(reached: () => Promise<Version>): Promise<void>;
};

type Stored = {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
};

const shown = ({ metadata, data }: Stored): Pick<Change, "name" | "value" | "at"> => ({
  name: metadata.name,
  value: data?.value ?? "",
  at: Number(metadata.resourceVersion),
});

/**
 * Starts writers, readers and a watcher on each target. Writers act on a few names, so that they
 * meet each other; every value is written once in the whole run. `pauseMs` is between two
 * requests of one client.
 */
export function startLoad(
  targets: readonly Target[],
  { name, pauseMs }: { readonly name: string; readonly pauseMs: number },
): Load {
  const run = new Run(name, pauseMs);
  const busy = targets.flatMap((target, index) => [
    run.write(target, `writer-${index}a`),
    run.write(target, `writer-${index}b`),
    run.read(target, true),
    run.read(target, false),
  ]);
  const watching = targets.map((target) => run.watch(target));
  return {
    history: run,
    async stop(reached) {
      run.stopping = true;
      await Promise.all(busy);
      run.last = await reached();
      await Promise.all(watching);
    },
  };
}

class Run implements History {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly watches: Watched[] = [];
  stopping = false;
  /** The version at which the watches may end. */
  last: Version | undefined;
  readonly #name: string;
  readonly #selector: string;
  readonly #pauseMs: number;
  #values = 0;

  constructor(name: string, pauseMs: number) {
    this.#name = name;
    this.#selector = `labelSelector=${label}%3D${name}`;
    this.#pauseMs = pauseMs;
  }

  async write(target: Target, client: string): Promise<void> {
    for (let turn = 0; !this.stopping; turn++) {
      await sleep(this.#pauseMs);
      const name = `${this.#name}-${Math.floor(Math.random() * namesInUse)}`;
      try {
        const { code, body } = await target.open().send("GET", `${path}/${name}`);
        if (code === 404) await this.#create(target, client, name);
        else if (code !== 200) continue;
        else if (turn % 5 === 4) await this.#delete(target, client, body as Stored);
        else await this.#update(target, client, body as Stored);
      } catch {
        // The server is away, and nothing was written yet: the next turn tries again.
      }
    }
  }

  #create(target: Target, client: string, name: string): Promise<void> {
    const value = this.#newValue();
    const body = { metadata: { name, labels: { [label]: this.#name } }, data: { value } };
    return this.#note({ client, type: "ADDED", name, value }, () =>
      target.open().send("POST", path, body),
    );
  }

  #update(target: Target, client: string, before: Stored): Promise<void> {
    const { name } = before.metadata;
    const value = this.#newValue();
    return this.#note({ client, type: "MODIFIED", name, value }, () =>
      target.open().send("PUT", `${path}/${name}`, { ...before, data: { value } }),
    );
  }

  #delete(target: Target, client: string, before: Stored): Promise<void> {
    const { name, value } = shown(before);
    const { resourceVersion } = before.metadata;
    return this.#note({ client, type: "DELETED", name, value }, () =>
      target.open().send("DELETE", `${path}/${name}`, { preconditions: { resourceVersion } }),
    );
  }

  #newValue(): string {
    this.#values += 1;
    return `v${this.#values}`;
  }

  async #note(
    what: Pick<Write, "client" | "type" | "name" | "value">,
    send: () => Promise<Answer>,
  ): Promise<void> {
    const startMs = performance.now();
    const answer = await send().catch(() => undefined);
    const endMs = performance.now();
    const at = what.type === "DELETED" || answer === undefined ? 0 : versionOf(answer);
    const outcome = outcomeOf(answer);
    this.writes.push({ ...what, startMs, endMs, outcome, ...(at > 0 && { at }) });
  }

  async read(target: Target, latest: boolean): Promise<void> {
    const query = latest ? "" : "&resourceVersion=0";
    while (!this.stopping) {
      await sleep(this.#pauseMs * 4);
      const startMs = performance.now();
      const answer = await target
        .open()
        .send("GET", `${path}?${this.#selector}${query}`)
        .catch(() => undefined);
      if (answer?.code !== 200) continue;
      const { items } = answer.body as { readonly items: readonly Stored[] };
      this.reads.push({
        client: `reader of ${target.name}`,
        startMs,
        endMs: performance.now(),
        latest,
        at: versionOf(answer),
        state: new Map(items.map(shown).map(({ name, ...rest }) => [name, rest])),
      });
    }
  }

  /** Lists once, then watches from there; after a break it goes on from the last line. */
  async watch(target: Target): Promise<void> {
    let since: Version | undefined;
    while (this.last === undefined || since === undefined || since < this.last) {
      try {
        since ??= versionOf(await target.open().send("GET", `${path}?${this.#selector}&limit=1`));
        const seen: Seen[] = [];
        this.watches.push({ client: `watcher of ${target.name}`, since, seen });
        const reached = await this.#follow(target, since, seen);
        since = reached === "expired" ? undefined : reached;
      } catch {
        await sleep(50); // the server is away: the watch goes on where it was
      }
    }
  }

  async #follow(target: Target, since: Version, seen: Seen[]): Promise<Version | "expired"> {
    const query = `watch=1&allowWatchBookmarks=1&timeoutSeconds=2&resourceVersion=${since}`;
    let at = since;
    try {
      const stop = new AbortController();
      const lines = target.open().lines(`${path}?${this.#selector}&${query}`, stop.signal);
      for await (const line of lines) {
        const frame = JSON.parse(line) as { readonly type: string; readonly object: Stored };
        if (frame.type === "ERROR") return "expired";
        const type = frame.type as Seen["type"];
        const event = shown(frame.object);
        seen.push({ ...event, name: event.name ?? "", type, atMs: performance.now() });
        at = event.at;
      }
    } catch {
      // Cut in the middle of a line or between two: what came before it counts.
      await sleep(50);
    }
    return at;
  }
}

function versionOf({ body }: Answer): Version {
  const { metadata } = body as { readonly metadata?: { readonly resourceVersion?: string } };
  return Number(metadata?.resourceVersion ?? 0);
}

/** Conflicts and the like are refusals; 500 and above may have happened all the same. */
function outcomeOf(answer: Answer | undefined): Write["outcome"] {
  if (answer === undefined || answer.code >= 500) return "unknown";
  return answer.code < 300 ? "done" : "refused";
}
