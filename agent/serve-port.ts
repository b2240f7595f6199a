import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { unavailable } from "../api/machinery/errors.ts";
import type { Pod } from "../api/machinery/resources.ts";
import { type Patience, patienceOf } from "./far/patience.ts";
import type { ServedHost } from "./served-host.ts";
import { dialTo, reacherOf, rootOf } from "./pods/reach.ts";

const connectMs = 10_000;
/** The first connection to a pod brings an image and a relay there. */
const farMs = 30_000;

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socket.destroy(new Error("it does not answer")), connectMs);
    socket.once("error", reject);
    socket.once("close", () => clearTimeout(late));
    socket.once("connect", () => {
      clearTimeout(late);
      socket.off("error", reject);
      resolve();
    });
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens on it",
  EHOSTUNREACH: "its network cannot be reached from the agent",
  ENETUNREACH: "its network cannot be reached from the agent",
};

function whyNot(err: unknown): string {
  const code = err instanceof Error && "code" in err ? String(err.code) : "";
  if (Object.hasOwn(reasons, code)) return reasons[code] ?? code;
  return err instanceof Error ? err.message : String(err);
}

async function dialNear(
  target: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Duplex> {
  const { host, port } = target;
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  // Also in the moment between the connection and its first reader, an error is no crash of ours.
  socket.on("error", () => undefined);
  await whileHere(socket, signal, () => connected(socket));
  return socket;
}

/** Destroys the connection once its client is gone. */
async function whileHere(
  stream: Duplex,
  signal: AbortSignal,
  ready: () => Promise<void>,
): Promise<void> {
  const giveUp = (): void => void stream.destroy(new Error("the client is gone"));
  signal.addEventListener("abort", giveUp, { once: true });
  stream.once("close", () => signal.removeEventListener("abort", giveUp));
  if (signal.aborted) giveUp();
  await ready();
}

async function dialFar(
  far: { open(patience: Patience): Promise<Duplex> },
  signal: AbortSignal,
): Promise<Duplex> {
  const late = AbortSignal.timeout(farMs);
  try {
    const stream = await far.open(patienceOf(AbortSignal.any([signal, late])));
    await whileHere(stream, signal, async () => undefined);
    return stream;
  } catch (err) {
    throw late.aborted ? new Error("it does not answer", { cause: err }) : err;
  }
}

/**
 * Connects to a port of a pod: by the address of its container where the engine is on this machine,
 * else by what the host publishes, else by the ways of `far`.
 * @throws StatusError `ServiceUnavailable` naming pod, port and the way out
 */
export async function dialPort(
  { engine, inventory, far }: ServedHost,
  pod: Pod,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const { namespace = "", name, uid } = pod.metadata;
  const what = `Cannot connect to port ${port} of pod ${namespace}/${name}`;
  const facts = await inventory.of(uid, signal);
  const reacher = { ...reacherOf(engine.endpoint, process.platform), far };
  const advice = "use exec with a client inside of the container";
  const target = dialTo({ pod, root: rootOf(pod, facts), reacher, advice }, port);
  if ("why" in target) throw unavailable(`${what}: ${target.why}`);
  try {
    return await (target.far === undefined
      ? dialNear(target, signal)
      : dialFar(target.far, signal));
  } catch (err) {
    throw unavailable(`${what}: ${whyNot(err)}`, { cause: err });
  }
}
