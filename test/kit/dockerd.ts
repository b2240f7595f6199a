import { mkdtemp, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { existsSync } from "node:fs";
import {
  type DockerdOptions,
  startDockerd,
  stopDockerd,
} from "../../hack/docker/private-dockerd.ts";
import { claim, dockerdPrefix, sweepStaleDockerds } from "./stale-dockerds.ts";

/** A real Docker Engine of one test. Disposing of it ends its containers and removes its data. */
export type PrivateDockerd = AsyncDisposable & {
  /** For `openEngine`, `--docker` and `DOCKER_HOST`. */
  readonly url: string;
  readonly dir: string;
  /** Ends it as a machine's shutdown would; its data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same data, with the same engine ID. */
  start(): Promise<void>;
};

/** Why no dockerd can be started here, or `undefined`. */
export function whyNoDockerd(): string | undefined {
  if (process.getuid?.() !== 0) return "dockerd needs root";
  const path = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(
    delimiter,
  );
  const missing = ["dockerd", "containerd", "runc", "ip"].find(
    (name) => !path.some((dir) => existsSync(join(dir, name))),
  );
  return missing === undefined ? undefined : `Missing ${missing} (Debian: docker.io, iproute2)`;
}

/**
 * For `describe.skipIf`: whether tests with a real dockerd are skipped here, saying why. With
 * CI=true nothing is skipped: there a missing dockerd fails.
 */
export function skipWithoutDockerd(): boolean {
  const why = whyNoDockerd();
  if (why === undefined || process.env["CI"] === "true") return false;
  console.warn(`Skipping tests with a real dockerd: ${why}`);
  return true;
}

/** Starts a dockerd of its own, whatever else runs on the machine. Takes about half a second. */
export async function privateDockerd(options: DockerdOptions = {}): Promise<PrivateDockerd> {
  const why = whyNoDockerd();
  if (why !== undefined) throw new Error(`Cannot start dockerd: ${why}`);
  await sweepStaleDockerds();
  const dir = await mkdtemp(dockerdPrefix);
  await claim(dir);
  const start = async (): Promise<string> =>
    (await startDockerd(dir, { dieWithParent: true, ...options })).url;
  try {
    return {
      url: await start(),
      dir,
      stop: () => stopDockerd(dir),
      start: async () => {
        await start();
      },
      [Symbol.asyncDispose]: () => stopDockerd(dir, { purge: true }),
    };
  } catch (err) {
    await rm(dir, { recursive: true, force: true });
    throw err;
  }
}
