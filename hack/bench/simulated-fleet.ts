// Simulated engines in a process of their own, so that their CPU is told from ours.
//   node hack/bench/simulated-fleet.ts FOLDER COUNT START_MS
// Makes the sockets FOLDER/0 ... and prints `ready`; ends with its stdin. Every image is there to
// be pulled, and a start takes START_MS; nothing runs and nothing listens.
import { join } from "node:path";
import { startSimulatedEngine } from "../../agent/simulated/simulated-engine.ts";

const [folder = "", countText = "0", startMsText = "0"] = process.argv.slice(2);
const rules = [{ image: "*", behaviour: { startMs: Number(startMsText) } }];

for (let host = 0; host < Number(countText); host++) {
  const name = `host-${String(host).padStart(4, "0")}`;
  await startSimulatedEngine({ socketPath: join(folder, String(host)), id: name, name, rules });
}
console.log("ready");
process.stdin.resume().once("end", () => process.exit(0));
