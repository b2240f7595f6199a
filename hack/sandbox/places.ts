import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { maxDirBytes } from "../docker/layout.ts";
import type { Daemon } from "./process.ts";

/** The checkout. */
export const root = join(import.meta.dirname, "..", "..");
/** Everything that hack/up keeps; not under version control. */
export const home = join(root, ".lighthouse");
/** The admin's kubeconfig. */
export const kubeconfig = join(home, "kubeconfig");
/** The link that makes the first user; there as long as there is none. */
export const setupLink = join(home, "setup-link");
/** The program as it runs from a checkout. */
export const program = join(root, "cli", "lighthouse.mjs");

/** `lighthouse up` of this checkout. */
export const lighthouse: Daemon = {
  name: "Lighthouse",
  pidFile: join(home, "lighthouse.pid"),
  logFile: join(home, "lighthouse.log"),
  mark: program,
};

/** Where the private Docker Engine lives: with the rest, or in a short place if that is too long. */
export function privateDockerDir(): string {
  const wanted = join(home, "docker");
  if (Buffer.byteLength(wanted) <= maxDirBytes) return wanted;
  const tag = createHash("sha256").update(wanted).digest("hex").slice(0, 8);
  return join(tmpdir(), `lighthouse-docker-${tag}`);
}

/** Makes the folder, readable by its owner alone: it holds keys. */
export async function makeHome(): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 });
}
