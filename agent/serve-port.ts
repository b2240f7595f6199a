import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { unavailable } from "../api/machinery/errors.ts";
import type { Pod } from "../api/machinery/resources.ts";
import type { ServedHost } from "./served-host.ts";
import { addressOf, dialTo, reacherOf } from "./pods/reach.ts";

const connectMs = 10_000;

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

/**
 * Connects to a port of a pod: by the address of its container where the engine is on this machine,
 * else by what the host publishes.
 * @throws StatusError `ServiceUnavailable` naming pod, port and the way out
 */
export async function dialPort(
  { engine, inventory }: ServedHost,
  pod: Pod,
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  const { namespace = "", name, uid } = pod.metadata;
  const what = `Cannot connect to port ${port} of pod ${namespace}/${name}`;
  const facts = await inventory.of(uid, signal);
  const reacher = reacherOf(engine.endpoint, process.platform);
  const advice = "use exec with a client inside of the container";
  const target = dialTo({ pod, ip: addressOf(pod, facts), reacher, advice }, port);
  if ("why" in target) throw unavailable(`${what}: ${target.why}`);
  const socket = connect({ ...target, allowHalfOpen: true, noDelay: true });
  const giveUp = (): void => void socket.destroy(new Error("the client is gone"));
  // Also in the moment between the connection and its first reader, an error is no crash of ours.
  socket.on("error", () => undefined);
  signal.addEventListener("abort", giveUp, { once: true });
  socket.once("close", () => signal.removeEventListener("abort", giveUp));
  if (signal.aborted) giveUp();
  try {
    await connected(socket);
  } catch (err) {
    throw unavailable(`${what}: ${whyNot(err)}`, { cause: err });
  }
  return socket;
}
