import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Daemon } from "./process.ts";

/** The checkout. */
export const root = join(import.meta.dirname, "..", "..");
/** Everything that hack/up keeps; not under version control. */
export const home = join(root, ".lighthouse");
/** The admin's kubeconfig. */
export const kubeconfig = join(home, "kubeconfig");

const daemon = (name: string, file: string, mark: string): Daemon => ({
  name,
  pidFile: join(home, `${file}.pid`),
  logFile: join(home, `${file}.log`),
  mark,
});

/** `lighthouse up` of this checkout. */
export const lighthouse = daemon("Lighthouse", "lighthouse", "lighthouse.mjs");
/** The Docker Engine that hack/up starts where there is none. */
export const privateDocker = daemon("Docker Engine", "dockerd", "dockerd");

/** Makes the folder, readable by its owner alone: it holds keys. */
export async function makeHome(): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
}
