// A private Docker Engine from Debian's package, for machines that have none running.
//   node hack/dockerd.ts start DIR    prints its URL once it answers
//   node hack/dockerd.ts stop DIR     stops it and its containers; DIR keeps its data
//   node hack/dockerd.ts purge DIR    stops it and removes DIR
import { resolve } from "node:path";
import { startDockerd, stopDockerd } from "./docker/private-dockerd.ts";

const [verb, given] = process.argv.slice(2);

async function main(): Promise<number> {
  if (given === undefined || !["start", "stop", "purge"].includes(verb ?? "")) {
    console.error("Usage: node hack/dockerd.ts start|stop|purge DIR");
    return 2;
  }
  const dir = resolve(given);
  if (verb === "start") console.log((await startDockerd(dir)).url);
  else await stopDockerd(dir, { purge: verb === "purge" });
  return 0;
}

try {
  process.exitCode = await main();
} catch (err) {
  console.error(err instanceof Error ? err.message : String(err));
  process.exitCode = 1;
}
