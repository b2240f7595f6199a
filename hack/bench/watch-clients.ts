// Many watchers in a process of their own, so that they do not share a core's turn with what is
// measured. Counts lines; of some watchers it also takes the time from write to event.
//   node hack/bench/watch-clients.ts KUBECONFIG SERVER PATH COUNT
// Prints `open` when all watches are, and one line of JSON for every line on its stdin.
import { once } from "node:events";
import { connect } from "node:http2";
import { createInterface } from "node:readline";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";

const [kubeconfig = "", server = "", path = "", countText = "0"] = process.argv.slice(2);
const count = Number(countText);
const perSession = 100;
/** Every so many watchers' events are timed. */
const sampled = 50;
const stamp = '"sent":"';

const { config } = await loadKubeconfig({ path: kubeconfig });
const { ca = "", credentials } = config;
const who = typeof credentials === "function" ? await credentials() : credentials;
const tls = { ca, cert: who?.clientCert ?? "", key: who?.clientKey ?? "" };

let lines = 0;
let times: number[] = [];

function countLines(chunk: Buffer): void {
  for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines += 1;
}

/** Nanoseconds of the monotonic clock, which all processes of a machine share. */
function takeTimes(chunk: Buffer): void {
  const now = process.hrtime.bigint();
  for (let at = chunk.indexOf(stamp); at >= 0; at = chunk.indexOf(stamp, at + 1)) {
    const from = at + stamp.length;
    const text = chunk.toString("latin1", from, chunk.indexOf('"', from));
    if (/^\d+$/.test(text)) times.push(Number(now - BigInt(text)) / 1e6);
  }
}

for (let opened = 0; opened < count; opened += perSession) {
  const session = connect(server, tls);
  session.on("error", () => process.exit(1));
  const some = Math.min(perSession, count - opened);
  await Promise.all(
    Array.from({ length: some }, async (_, index) => {
      const stream = session.request({ ":path": path });
      stream.on("data", countLines);
      if ((opened + index) % sampled === 0) stream.on("data", takeTimes);
      await once(stream, "response");
    }),
  );
}
console.log("open");

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

for await (const line of createInterface({ input: process.stdin })) {
  if (line === "end") process.exit(0);
  const sorted = times.toSorted((a, b) => a - b);
  const report = { lines, p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99) };
  console.log(JSON.stringify(report));
  lines = 0;
  times = [];
}
