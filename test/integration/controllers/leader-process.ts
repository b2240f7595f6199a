import { createClient } from "../../../api/client/create-client.ts";
import type { ClientConfig } from "../../../api/client/config.ts";
import { reasonOf } from "../../../api/machinery/errors.ts";
import { configMaps } from "../../../api/machinery/resources.ts";
import { runManager } from "../../../controllers/runtime/manager.ts";
import type { BuildController } from "../../../controllers/runtime/reconciler.ts";
import { each } from "../../../controllers/runtime/sources.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";

// A process of its own, so that it can be stopped and continued: while it leads it writes its name
// into one object as fast as it can. Arguments: its name; the access to the server is in LEADER_ACCESS.

const [name = ""] = process.argv.slice(2);
const config = JSON.parse(process.env["LEADER_ACCESS"] ?? "{}") as ClientConfig;
const client = createClient(config);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Writes until the term ends, and once more: what was decided before may be sent after. */
const build: BuildController = ({ client: fenced }) => ({
  name: "writer",
  owns: ["configmaps/data"],
  sources: [each(configMaps)],
  reconciler: {
    async reconcile(key, signal) {
      if (key.name !== "shared") return {};
      const write = async (data: object): Promise<void> => {
        await fenced.patch(configMaps, key, { type: "merge", body: { data } });
      };
      for (let count = 0; !signal.aborted; count += 1) {
        await write({ by: name, count: String(count) });
        if (count === 0) say("leads");
      }
      await write({ by: name, count: "late" }).then(
        () => say("late write done"),
        (err: unknown) => say(`late write refused: ${reasonOf(err)}`),
      );
      return {};
    },
  },
});

const log = { debug() {}, info() {}, warn() {}, error() {} };
const recorder = { event() {}, run: async () => undefined };
const lease = { namespace: "kube-system", name: "tests" };
const election = { lease, identity: name, leaseMs: 2_000, renewMs: 1_300, retryMs: 300 };
await runManager([build], { client, clock: systemClock, log, recorder, election }, stop.signal);
await client[Symbol.asyncDispose]();
