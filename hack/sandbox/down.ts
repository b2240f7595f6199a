/** The work of hack/down. */
import { rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { stopDockerd } from "../docker/private-dockerd.ts";
import { home, lighthouse, privateDockerDir } from "./places.ts";
import { stopDaemon } from "./process.ts";

const usage = `Usage: hack/down [--delete]

Stops what hack/up started: Lighthouse and, if there is one, the private Docker Engine.
Containers on a Docker Engine that was there before go on running.

  --delete   also remove .lighthouse/: data, keys, the private engine's images and containers
`;

const { values } = parseArgs({
  options: {
    delete: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

async function main(): Promise<void> {
  const stopped = await stopDaemon(lighthouse, 20_000);
  process.stdout.write(stopped ? "Lighthouse stopped\n" : "Lighthouse does not run\n");
  if (process.getuid?.() === 0) {
    await stopDockerd(privateDockerDir(), { purge: values.delete });
  }
  if (values.delete) await rm(home, { recursive: true, force: true });
}

if (values.help) process.stdout.write(usage);
else {
  try {
    await main();
  } catch (err) {
    process.stderr.write(`hack/down: ${err instanceof Error ? err.message : String(err)}\n`);
    process.exitCode = 1;
  }
}
