import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { signerOf } from "../../api/audit/checkpoint.ts";
import { filesOf, readLog } from "../../api/audit/log-reader.ts";
import { Verifier } from "../../api/audit/verify.ts";
import { auditLine } from "../../api/server/audit/audit-event.ts";
import { openAuditLog } from "../../api/server/audit/audit-log.ts";
import { logFiles } from "../../api/server/audit/log-files.ts";
import { defaultPolicy, verdictOf } from "../../api/server/audit/policy.ts";
import { requestInfo } from "../../api/server/objects/request-info.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { median } from "./durable-writes.ts";
import type { Section } from "./figure.ts";
import { scratchDir } from "./world.ts";

const rounds = 7;
const events = 20_000;
/** So many come in the same moment. */
const burst = 50;

const user = { name: "ann", groups: ["devs", "system:authenticated"] };
const agent = { name: "system:beacon:a", groups: ["system:beacons", "system:authenticated"] };
const info = requestInfo("GET", "/api/v1/namespaces/shop/configmaps/web");
const reason = 'RBAC: allowed by RoleBinding "ann/shop" of ClusterRole "view" to User "ann"';

function event(): string {
  const nowMs = Date.now();
  return auditLine({
    auditId: "7f7f4f1c-5f0f-4a44-9a0e-0f3b8a5d2c11",
    level: verdictOf(defaultPolicy, user, info).level,
    stage: "ResponseComplete",
    requestUri: info.path,
    verb: info.verb,
    user,
    sourceIps: ["127.0.0.1"],
    userAgent: "kubectl/v1.33.0 (linux/amd64) kubernetes/60a317e",
    resource: info.resource,
    status: { code: 200 },
    decision: { allowed: true, reason },
    receivedMs: nowMs,
    nowMs,
  });
}

type Note = (text: string) => void;

/** Microseconds of CPU per event, from the policy to the disk: all threads of this process. */
async function recording(path: string, note: Note): Promise<readonly number[]> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = createPublicKey(privateKey);
  const files = logFiles(path, `${path}.head`);
  const signer = signerOf(privateKey);
  await using log = await openAuditLog({ files, signer, publicKey, clock: systemClock });
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = process.cpuUsage();
    for (let index = 0; index < events; index++) {
      log.write(event());
      if (index % burst === 0) await turn();
    }
    await log.record(event());
    const used = process.cpuUsage(start);
    if (round > 0) costs.push((used.user + used.system) / events); // the first round warms up
  }
  if (log.dropped > 0) throw new Error(`Cannot bench: ${log.dropped} events were dropped`);
  const begunMs = performance.now();
  const verifier = new Verifier({ keys: [publicKey] });
  for await (const { text, ...place } of readLog(await filesOf(path))) verifier.take(text, place);
  const { broken, lines } = verifier.verdict();
  note(`verified ${((lines * 1_000) / (performance.now() - begunMs)).toFixed(0)} lines/s`);
  if (broken !== undefined) throw new Error(`Cannot bench: the log is broken: ${broken.what}`);
  return costs;
}

/** Microseconds for the policy to leave out what an agent reads. */
function leavingOut(): number {
  const count = 200_000;
  const start = process.cpuUsage();
  for (let index = 0; index < count; index++) verdictOf(defaultPolicy, agent, info);
  const used = process.cpuUsage(start);
  return (used.user + used.system) / count;
}

/** What it costs to record a request. */
export const benchAudit: Section = async (note) => {
  await using dir = await scratchDir();
  const path = join(dir.path, "audit.log");
  const cost = median(await recording(path, note));
  return [
    {
      what: "audit: recording a request, chained and on disk",
      value: cost,
      unit: "us",
      atMost: 40,
      from: `median of ${rounds} times ${events} events, all threads`,
    },
    {
      what: "audit: leaving out a read of an agent",
      value: leavingOut(),
      unit: "us",
      atMost: 3,
      from: "the default policy",
    },
  ];
};
