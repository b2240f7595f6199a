// Many agents of many beacons in one process: each keeps a tunnel of its own open, as the real one does, and
// answers every call with a few bytes.
//   node hack/bench/tunnel-agents.ts SERVER PKI_FOLDER PREFIX FIRST COUNT
// Prints `started` once all are dialling, and for every line on its stdin how many tunnels are open. Their
// certificates are made here with the server's authority: how agents join is not what is measured.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { keepTunnel } from "../../agent/tunnel.ts";
import { dialTargetOf } from "../../agent/dial-target.ts";
import { beaconsGroup, beaconUser } from "../../api/server/authz/node-identity.ts";
import { issueCertificate } from "../../api/server/pki/issue.ts";
import { createServedNodes } from "../../api/tunnel/served-nodes.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";

const [server = "", pki = "", prefix = "", firstText = "0", countText = "0"] =
  process.argv.slice(2);
const first = Number(firstText);
const authority = {
  certificate: await readFile(join(pki, "ca.crt"), "utf8"),
  key: await readFile(join(pki, "ca.key"), "utf8"),
};
const end = new AbortController();
let open = 0;

/** Counts tunnels by what is logged of them. */
const log = {
  debug() {},
  info(_fields: object, message: string) {
    if (message === "the tunnel is open") open += 1;
  },
  warn(_fields: object, message: string) {
    if (message === "the tunnel is lost") open -= 1;
  },
  error(fields: object, message: string) {
    console.error(message, fields);
  },
};

async function agentOf(beacon: string): Promise<() => Promise<void>> {
  const identity = { user: beaconUser(beacon), groups: [beaconsGroup] };
  const wanted = { identity, usage: "client", names: [], nowMs: Date.now() } as const;
  const { certificate, key } = await issueCertificate(authority, wanted);
  const credentials = { clientCert: certificate, clientKey: key };
  const target = dialTargetOf({ server, ca: authority.certificate, credentials }, beacon);
  const nodes = createServedNodes();
  nodes.serve(beacon, async () => ({ status: 200, headers: {}, body: Readable.from(["OK"]) }));
  return () => keepTunnel({ target, nodes, clock: systemClock, log }, end.signal);
}

const names = Array.from({ length: Number(countText) }, (_, at) => `${prefix}${first + at}`);
const agents = await Promise.all(names.map(agentOf));
const running = agents.map((run) => run()); // they end with the signal, and never reject
console.log("started");
for await (const _line of createInterface({ input: process.stdin })) console.log(String(open));
end.abort();
await Promise.all(running);
