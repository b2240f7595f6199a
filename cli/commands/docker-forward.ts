import { stat } from "node:fs/promises";
import { type Call, Misuse, type Run } from "../command.ts";
import { startForwarder } from "../docker/forwarder.ts";
import { nodeTarget } from "../docker/node-target.ts";
import { createUpstream } from "../docker/upstream.ts";

/** A forwarder that nobody uses ends after so long. Milliseconds. */
const idleMs = 8 * 60 * 60 * 1000;
const lookMs = 1_000;

/** `lighthouse __docker-forward NODE SOCKET`: until the socket is removed, or nobody uses it. */
export const runDockerForward: Run = async (call: Call) => {
  const socketPath = call.args[1];
  if (socketPath === undefined) throw new Misuse("Where shall it listen?");
  const { nodeName, config } = await nodeTarget(call);
  const upstream = createUpstream(config, nodeName);
  await using forwarder = await startForwarder({ socketPath, upstream });
  const { ino } = await stat(socketPath);
  await new Promise<void>((resolve) => {
    const look = async (): Promise<void> => {
      const there = await stat(socketPath).then(
        (found) => found.ino === ino,
        () => false,
      );
      const unused = forwarder.open() === 0 && performance.now() - forwarder.lastUsedMs() > idleMs;
      if (there && !unused && !call.signal.aborted) return;
      clearInterval(timer);
      resolve();
    };
    const timer = setInterval(() => void look(), lookMs); // never rejects
    call.signal.addEventListener("abort", () => void look(), { once: true });
  });
  return 0;
};
