import { badRequest } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";
import type { Call } from "../objects/call.ts";
import type { Handler } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import { callerOf } from "../tunnel/caller.ts";
import { agreeOnCommand, type Io } from "../streams/serve-command.ts";
import { queryOf, readCommandRequest } from "./command-options.ts";
import { chooseContainer, nodeOf } from "./container-choice.ts";
import type { NodeStreams, PodStreams, ProcessOptions, ReadyProcess } from "./pod-streams.ts";

/** What differs between running a command and joining what runs. */
type Flavour = {
  readonly attached: boolean;
  /** What makes the process ready once client and container are known. @throws StatusError */
  readonly prepare: (query: URLSearchParams) => Prepare;
};

type Prepare = (
  streams: PodStreams,
  pod: Pod,
  options: ProcessOptions,
  signal: AbortSignal,
) => Promise<ReadyProcess>;

async function serve(
  call: Call,
  io: Io,
  { attached, prepare }: Flavour,
  nodes: NodeStreams,
): Promise<undefined> {
  const pod = existing(call, await readItem(call.storage, keyOfCall(call))).object as Pod;
  const query = queryOf(io.request);
  const container = chooseContainer(pod, query.get("container") ?? "");
  const wanted = readCommandRequest(query);
  const begin = prepare(query);
  const streams = nodes.of(nodeOf(pod), callerOf(io.request, io.reply));
  const agreed = agreeOnCommand(io, wanted);
  const { stdin, tty } = wanted;
  const ready = await begin(streams, pod, { container, stdin, tty }, agreed.gone);
  await agreed.run(ready, attached);
}

/** GET and POST pods/NAME/exec: a command in a container, over WebSocket or SPDY. */
export function podExec(nodes: NodeStreams): Handler {
  const prepare = (query: URLSearchParams): Prepare => {
    const command = query.getAll("command");
    if (command.length === 0)
      throw badRequest("you must specify at least one command for the container");
    return (streams, pod, options, signal) => streams.exec(pod, { ...options, command }, signal);
  };
  return (call, io) => serve(call, io, { attached: false, prepare }, nodes);
}

/** GET and POST pods/NAME/attach: the main process of a container, over WebSocket or SPDY. */
export function podAttach(nodes: NodeStreams): Handler {
  const prepare = (): Prepare => (streams, pod, options, signal) =>
    streams.attach(pod, options, signal);
  return (call, io) => serve(call, io, { attached: true, prepare }, nodes);
}
