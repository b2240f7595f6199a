import { beacons } from "../../api/machinery/resources.ts";
import { type AgentKey, annotation, label } from "../../crds/labels.ts";
import type { Beacon } from "../../crds/types.gen.ts";
import { waitingRequests } from "../beacon-requests.ts";
import type { Call, Run } from "../command.ts";
import { age, ageOf, formatTable } from "../output.ts";

function keysOf({ metadata }: Beacon): readonly AgentKey[] {
  try {
    const text = metadata.annotations?.[annotation.agentKeys] ?? "[]";
    return JSON.parse(text) as readonly AgentKey[];
  } catch {
    return []; // somebody wrote something else there
  }
}

/** How long the certificate holds that ends last, or why there is none. */
function certificateText(call: Call, beacon: Beacon): string {
  const keys = keysOf(beacon);
  const end = Math.max(...keys.map(({ expires }) => Date.parse(expires)));
  if (keys.length === 0) {
    return beacon.metadata.annotations?.[annotation.revoked] === undefined ? "<none>" : "revoked";
  }
  const leftMs = end - call.io.clock.nowMs();
  return leftMs > 0 ? `${age(leftMs)} left` : "ended";
}

function connectedText({ status }: Beacon): string {
  return status?.conditions?.find(({ type }) => type === "Connected")?.status ?? "<none>";
}

/** `lighthouse beacon list`. */
export const runBeaconList: Run = async (call) => {
  const { client } = await call.connect();
  const [{ items }, waiting] = await Promise.all([
    client.list(beacons, {}, call.signal),
    waitingRequests(call),
  ]);
  const title = ["NAME", "CONNECTED", "NODES", "CERTIFICATE", "VERSION", "AGE"];
  const rows = items.map((beacon) => [
    beacon.metadata.name,
    connectedText(beacon),
    String(beacon.status?.nodes ?? 0),
    certificateText(call, beacon),
    beacon.status?.version ?? "<none>",
    ageOf(call.io, beacon.metadata.creationTimestamp),
  ]);
  call.io.out(formatTable([title, ...rows]));
  if (waiting.length === 0) return 0;
  const asked = waiting.map(({ metadata, spec }) => [
    metadata.labels?.[label.beacon] ?? "",
    metadata.name,
    spec.username ?? "",
    ageOf(call.io, metadata.creationTimestamp),
  ]);
  call.io.out(`\n${formatTable([["WAITING FOR", "REQUEST", "ASKED BY", "AGE"], ...asked])}`);
  return 0;
};
