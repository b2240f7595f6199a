import { rm } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";

/** The way to an engine, which can be cut: the engine goes on, and nobody reaches it. */
export type Cable = AsyncDisposable & {
  /** e.g. `unix:///tmp/lhs-x/s.cable`. */
  readonly url: string;
  cut(): void;
  mend(): void;
};

/** Lays a cable to the engine at `url`, a socket of this machine. */
export async function layCable(url: string): Promise<Cable> {
  const engine = url.slice("unix://".length);
  const path = `${engine}.cable`;
  const open = new Set<Socket>();
  let isWhole = true;
  const server = createServer((near) => {
    const far = connect(engine);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("error", () => one.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroy();
      });
    }
    if (!isWhole) near.destroy();
    else near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const cut = (): void => {
    isWhole = false;
    for (const socket of open) socket.destroy();
  };
  return {
    url: `unix://${path}`,
    cut,
    mend: () => {
      isWhole = true;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
  };
}
