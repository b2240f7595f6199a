import type { Duplex, Readable } from "node:stream";
import { internal } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import type { Caller, NodeHandler } from "../../tunnel/node-link.ts";
import { podPath, type PodPart } from "../../tunnel/pod-paths.ts";
import { portProtocol, processProtocol } from "../../tunnel/process-frames.ts";
import type { LogOptions, PodStreams, ProcessOptions, ReadyProcess } from "../pods/pod-streams.ts";
import { startProcess } from "./remote-process.ts";

function pathOf({ metadata }: Pod, part: PodPart, query: URLSearchParams): string {
  const { namespace = "", name, uid } = metadata;
  return podPath({ namespace, name, uid, part, query });
}

/** Absent fields stay absent; lists are repeated. */
function queryOf(options: Readonly<Record<string, Value>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options)) {
    const all = typeof value === "object" ? value : [value];
    for (const one of all) if (one !== undefined) query.append(name, String(one));
  }
  return query;
}

type Value = string | number | boolean | readonly string[] | undefined;

async function* logsOver(
  answering: Promise<{ readonly body: Readable }>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  try {
    const { body } = await answering;
    yield* body as AsyncIterable<Buffer>;
  } catch (err) {
    if (!signal.aborted) throw err;
  }
}

/**
 * What an agent streams for its pods, asked of it by calls. `caller` is whoever the streams are for: the
 * agent checks that they were allowed what they ask for.
 */
export function podStreamsOver(handler: NodeHandler, caller: Caller): PodStreams {
  const upgraded = async (
    path: string,
    upgrade: string,
    signal: AbortSignal,
  ): Promise<{ readonly link: Duplex; readonly tty: boolean }> => {
    const call = { method: "POST", path, headers: {}, caller, upgrade };
    const answer = await handler(call, signal);
    if (answer.upgraded === undefined) {
      answer.body.destroy();
      throw internal(`The agent answered ${answer.status} where it should have switched protocols`);
    }
    answer.upgraded.on("error", () => {}); // "close" follows
    return { link: answer.upgraded, tty: answer.headers["tty"] === "true" };
  };
  const prepare = async (path: string, signal: AbortSignal): Promise<ReadyProcess> => {
    const { link, tty } = await upgraded(path, processProtocol, signal);
    return { tty, start: (size, gone) => startProcess(link, size, gone) };
  };
  return {
    logs(pod, options: LogOptions, signal) {
      const path = pathOf(pod, "log", queryOf(options));
      const call = { method: "GET", path, headers: {}, caller };
      return logsOver(handler(call, signal), signal);
    },
    exec: (pod, options: ProcessOptions & { readonly command: readonly string[] }, signal) =>
      prepare(pathOf(pod, "exec", queryOf(options)), signal),
    attach: (pod, options, signal) => prepare(pathOf(pod, "attach", queryOf(options)), signal),
    async dial(pod, port, signal) {
      const path = pathOf(pod, "portforward", queryOf({ port }));
      const { link } = await upgraded(path, portProtocol, signal);
      return link;
    },
  };
}
