import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { localProvider } from "../../agent/discovery/local.ts";
import type { Provider } from "../../agent/discovery/provider.ts";
import { startSimulatedEngine } from "../../agent/simulated/simulated-engine.ts";
import { type Call, Misuse } from "../command.ts";
import { paintError } from "../output.ts";
import { dataDirOf } from "./run-parts.ts";

const banner = `${"*".repeat(72)}
  SIMULATED: no Docker Engine is used. What seems to run is not real:
  containers are timers in this process, and are gone when it ends.
${"*".repeat(72)}
`;

/** Starts an engine that only pretends, and says so loudly. It ends with `stack`. */
export async function startSimulated(call: Call, stack: AsyncDisposableStack): Promise<Provider> {
  if (call.flags["docker"] !== undefined) {
    throw new Misuse("--simulate and --docker exclude each other");
  }
  call.io.err(paintError(call.io, "yellow", banner));
  const folder = await mkdtemp(join(tmpdir(), "lighthouse-sim-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  // The same data folder keeps the same Node.
  const dataDir = dataDirOf(call.flags, call.io.env);
  const digest = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  const engine = stack.use(
    await startSimulatedEngine({
      socketPath: join(folder, "docker.sock"),
      id: `simulated-${digest}`,
      name: `simulated-${hostname()}`,
      rules: [{ image: "*:broken", behaviour: { exit: { code: 1 }, complaint: "broken" } }],
    }),
  );
  return localProvider({ urls: [engine.url] });
}
