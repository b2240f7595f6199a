import type { Writable } from "node:stream";
import { conflict, StatusError } from "../api/machinery/errors.ts";
import type { Pod } from "../api/machinery/resources.ts";
import { endMarked, type Mark, markedEnv, newMark } from "./end-marked.ts";
import { endProcess } from "./end-process.ts";
import type { Output, Session, TtySize } from "./engine/engine.ts";
import type { ServedHost } from "./served-host.ts";
import { membersOf } from "./pods/containers.ts";
import type { ContainerFact } from "./pods/facts.ts";
import { reacherOf } from "./pods/reach.ts";

/** Which process, and what its client sends. */
export type ProcessQuery = {
  readonly container: string;
  readonly stdin: boolean;
  /** For a command: whether it gets a terminal. */
  readonly tty: boolean;
};

/** A process whose input and output are at hand. Disposing of it hangs up; a command is ended then. */
export interface ServedProcess extends AsyncDisposable {
  readonly stdin: Writable;
  /** Until the process ends; to be read once, with back-pressure. */
  readonly output: AsyncIterable<Output>;
  /** Resolves after `output` ended. `undefined` when the engine does not tell. */
  exitCode(signal?: AbortSignal): Promise<number | undefined>;
  /** A no-op once the process is gone. */
  resize(size: TtySize): Promise<void>;
}

/** A process that may be started, or joined: its container runs. */
export interface ReadyProcess {
  readonly tty: boolean;
  start(size: TtySize | undefined, signal: AbortSignal): Promise<ServedProcess>;
}

/** @throws StatusError `NotFound` in the kubelet's words, `Conflict` for one that does not run */
async function runningContainer(
  { inventory }: ServedHost,
  pod: Pod,
  container: string,
  signal: AbortSignal,
): Promise<ContainerFact> {
  const facts = await inventory.of(pod.metadata.uid, signal);
  const own = facts.filter(({ name }) => name === container);
  const running = own.find(({ state }) => state === "running");
  if (running !== undefined) return running;
  const [other] = own;
  if (other === undefined)
    throw new StatusError("NotFound", `container not found (${JSON.stringify(container)})`);
  throw conflict(
    { group: "", plural: "pods" },
    pod.metadata.name,
    `container ${JSON.stringify(container)} is not running, it is ${other.state}`,
  );
}

async function disposeOf(session: Session): Promise<void> {
  await session[Symbol.asyncDispose]();
}

const pidMs = 5_000;

/** A command that may be left behind. */
type Left = {
  readonly session: Session;
  readonly containerId: string;
  /** Present where its process cannot be signalled from here. */
  readonly mark: Mark | undefined;
};

/** Ends what the client left behind. Never rejects: nobody is left to be told. */
async function abandon(
  { engine }: ServedHost,
  { session, containerId, mark }: Left,
): Promise<void> {
  const pid = await session.hostPid(AbortSignal.timeout(pidMs)).catch(() => undefined);
  await disposeOf(session);
  if (pid === undefined) return;
  if (mark === undefined) await endProcess(containerId, pid);
  else await endMarked(engine, containerId, mark).catch(() => {}); // it ended with its container
}

function served(session: Session, hangUp: () => Promise<void>): ServedProcess {
  let over = false;
  let leaving: Promise<void> | undefined;
  async function* output(): AsyncGenerator<Output> {
    yield* session.output;
    over = true;
  }
  return {
    stdin: session.stdin,
    output: output(),
    exitCode: (signal) => session.exitCode(signal),
    resize: (size) => session.resize(size),
    async [Symbol.asyncDispose]() {
      leaving ??= over ? disposeOf(session) : hangUp();
      await leaving;
    },
  };
}

/** Prepares a command in a container. @throws StatusError `NotFound`, `Conflict` */
export async function prepareExec(
  host: ServedHost,
  pod: Pod,
  query: ProcessQuery & { readonly command: readonly string[] },
  signal: AbortSignal,
): Promise<ReadyProcess> {
  const { id } = await runningContainer(host, pod, query.container, signal);
  const { command, stdin, tty } = query;
  const near = reacherOf(host.engine.endpoint, process.platform).direct;
  const mark = near ? undefined : newMark();
  const env = mark === undefined ? {} : { env: markedEnv(mark) };
  return {
    tty,
    async start(size) {
      const options = { command, stdin, tty, ...env, ...(size === undefined ? {} : { size }) };
      // Not with the client's signal: a command that began is ended, not forgotten.
      const session = await host.engine.io.exec(id, options);
      return served(session, () => abandon(host, { session, containerId: id, mark }));
    },
  };
}

/** Prepares to join the main process of a container. @throws StatusError `NotFound`, `Conflict` */
export async function prepareAttach(
  host: ServedHost,
  pod: Pod,
  { container, stdin }: ProcessQuery,
  signal: AbortSignal,
): Promise<ReadyProcess> {
  const { id } = await runningContainer(host, pod, container, signal);
  const all = [
    ...membersOf(pod.spec).map(({ spec }) => spec),
    ...(pod.spec.ephemeralContainers ?? []),
  ];
  const tty = all.find(({ name }) => name === container)?.tty === true;
  return {
    tty,
    async start(size, gone) {
      const session = await host.engine.io.attach(id, { stdin }, gone);
      if (tty && size !== undefined) await session.resize(size);
      return served(session, () => disposeOf(session));
    },
  };
}
