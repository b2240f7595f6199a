import { Agent, request } from "node:http";

/** How a bench container is made; the same on both sides of a comparison. */
export type RawSpec = { readonly image: string; readonly network: "bridge" | "host" };

/**
 * The Docker Engine API with nothing in between: the yardstick of every rollout. Calls reject with
 * what the engine answered.
 */
export interface RawEngine extends Disposable {
  /** Resolves to the container's id. */
  create(name: string, spec: RawSpec): Promise<string>;
  start(id: string): Promise<void>;
  kill(id: string): Promise<void>;
  /** By force, with its anonymous volumes. */
  remove(id: string): Promise<void>;
  /** Ends it as `docker stop` does; it has `seconds` to end by itself. */
  stop(id: string, seconds: number): Promise<void>;
  /** Ids of all containers, or of those with a label `KEY` or `KEY=VALUE`. */
  list(label?: string): Promise<readonly string[]>;
  /** Images, as asked for, of the running containers with a label. */
  running(label: string): Promise<readonly string[]>;
  /** Anything else. Rejects like the verbs. */
  readonly call: Call;
  /** Calls `onEvent` for every event of containers and images from now on, until the signal aborts. */
  follow(onEvent: (event: RawEvent) => void, signal: AbortSignal): Promise<void>;
}

/** An engine event as far as the bench looks at it. */
export type RawEvent = {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
};

/** Calls of the Engine API by method and path, for what {@link RawEngine} has no verb for. */
export type Call = (method: string, path: string, body?: object) => Promise<unknown>;

function caller(socketPath: string, agent: Agent): Call {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const data = body === undefined ? "" : JSON.stringify(body);
      const headers = { "content-type": "application/json", "content-length": data.length };
      const outgoing = request({ socketPath, agent, method, path, headers }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        answer.on("error", reject).on("end", () => {
          if ((answer.statusCode ?? 500) >= 400) {
            reject(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
          } else resolve(text === "" ? undefined : JSON.parse(text));
        });
      });
      outgoing.on("error", reject).end(data);
    });
}

const filtersOf = (filters: object): string => encodeURIComponent(JSON.stringify(filters));

/** Opens `unix:///path`. */
export function openRawEngine(url: string): RawEngine {
  const socketPath = url.replace(/^unix:\/\//, "");
  const agent = new Agent({ keepAlive: true });
  const call = caller(socketPath, agent);
  return {
    async create(name, { image, network }) {
      const body = {
        Image: image,
        Labels: { bench: "raw" },
        HostConfig: { NetworkMode: network, RestartPolicy: { Name: "no" } },
      };
      const created = await call("POST", `/containers/create?name=${name}`, body);
      return (created as { readonly Id: string }).Id;
    },
    async start(id) {
      await call("POST", `/containers/${id}/start`);
    },
    async kill(id) {
      await call("POST", `/containers/${id}/kill`);
    },
    async remove(id) {
      await call("DELETE", `/containers/${id}?force=true&v=true`);
    },
    async stop(id, seconds) {
      await call("POST", `/containers/${id}/stop?t=${seconds}`);
    },
    async running(label) {
      const filters = filtersOf({ label: [label], status: ["running"] });
      const rows = await call("GET", `/containers/json?filters=${filters}`);
      return (rows as readonly { readonly Image: string }[]).map(({ Image }) => Image);
    },
    call,
    async list(label) {
      const filters = label === undefined ? "" : `&filters=${filtersOf({ label: [label] })}`;
      const rows = await call("GET", `/containers/json?all=true${filters}`);
      return (rows as readonly { readonly Id: string }[]).map(({ Id }) => Id);
    },
    follow: (onEvent, signal) => followEvents(socketPath, onEvent, signal),
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** Resolves once the engine accepted the subscription: nothing after that is missed. */
function followEvents(
  socketPath: string,
  onEvent: (event: RawEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = `/events?filters=${filtersOf({ type: ["container", "image"] })}`;
    const outgoing = request({ socketPath, path, signal }, (answer) => {
      let rest = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (rest + chunk).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) onEvent(JSON.parse(line) as RawEvent);
      });
      answer.on("error", () => undefined); // the abort
      resolve();
    });
    outgoing.on("error", reject).end();
  });
}

/** Runs `work` over the items, at most `width` at once. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
