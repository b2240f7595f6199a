import { type CertificateRequest, beacons } from "../../api/machinery/resources.ts";
import { type AgentKey, annotation, label } from "../../crds/labels.ts";
import type { Beacon } from "../../crds/types.gen.ts";
import { waitingRequests } from "../beacon-requests.ts";
import { type Call, type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { age, ageOf, formatTable } from "../output.ts";

/** A beacon as the list shows it. Empty strings: nobody said so yet. */
type BeaconView = {
  readonly name: string;
  readonly connected: string;
  readonly nodes: number;
  /** How many keys are accepted. */
  readonly keys: number;
  /** When the certificate ends that holds longest, RFC 3339. */
  readonly expires: string;
  /** When all certificates were revoked, RFC 3339. */
  readonly revoked: string;
  readonly version: string;
  readonly address: string;
  readonly lastSeen: string;
  readonly created: string;
};

/** A request that waits for a person. */
type WaitingView = {
  readonly beacon: string;
  readonly request: string;
  readonly askedBy: string;
  readonly created: string;
};

function keysOf({ metadata }: Beacon): readonly AgentKey[] {
  try {
    const json = metadata.annotations?.[annotation.agentKeys] ?? "[]";
    return JSON.parse(json) as readonly AgentKey[];
  } catch {
    return []; // somebody wrote something else there
  }
}

const connectedOf = ({ status }: Beacon): string =>
  status?.conditions?.find(({ type }) => type === "Connected")?.status ?? "";

function lifeOf(beacon: Beacon): Pick<BeaconView, "keys" | "expires" | "revoked"> {
  const ends = keysOf(beacon).map(({ expires }) => expires);
  return {
    keys: ends.length,
    expires: ends.toSorted().at(-1) ?? "",
    revoked: beacon.metadata.annotations?.[annotation.revoked] ?? "",
  };
}

function viewOf(beacon: Beacon): BeaconView {
  const { metadata, status = {} } = beacon;
  return {
    name: metadata.name,
    connected: connectedOf(beacon),
    nodes: status.nodes ?? 0,
    ...lifeOf(beacon),
    version: status.version ?? "",
    address: status.address ?? "",
    lastSeen: status.lastSeen ?? "",
    created: metadata.creationTimestamp ?? "",
  };
}

const waitingView = ({ metadata, spec }: CertificateRequest): WaitingView => ({
  beacon: metadata.labels?.[label.beacon] ?? "",
  request: metadata.name,
  askedBy: spec.username ?? "",
  created: metadata.creationTimestamp ?? "",
});

const orNone = (value: string): string => (value === "" ? "<none>" : value);

/** How long the certificate holds that ends last, or why there is none. */
function certificateText({ io }: Call, { keys, expires, revoked }: BeaconView): string {
  if (keys === 0) return revoked === "" ? "<none>" : "revoked";
  const leftMs = Date.parse(expires) - io.clock.nowMs();
  return leftMs > 0 ? `${age(leftMs)} left` : "ended";
}

function row(call: Call, view: BeaconView, wide: boolean): readonly string[] {
  const { name, connected, nodes, version, address, lastSeen, keys, created } = view;
  const certificate = certificateText(call, view);
  const cells = [name, orNone(connected), String(nodes), certificate, orNone(version)];
  const more = wide ? [String(keys), orNone(address), orNone(lastSeen)] : [];
  return [...cells, ageOf(call.io, created), ...more];
}

function tables(
  call: Call,
  all: readonly BeaconView[],
  waiting: readonly WaitingView[],
): readonly string[] {
  const wide = text(call.flags, "output") === "wide";
  const names = ["NAME", "CONNECTED", "NODES", "CERTIFICATE", "VERSION", "AGE"];
  const title = wide ? [...names, "KEYS", "ADDRESS", "LAST SEEN"] : names;
  const asked = waiting.map(({ beacon, request, askedBy, created }) => [
    beacon,
    request,
    askedBy,
    ageOf(call.io, created),
  ]);
  return [
    ...(all.length === 0
      ? []
      : [formatTable([title, ...all.map((view) => row(call, view, wide))])]),
    ...(asked.length === 0
      ? []
      : [formatTable([["WAITING FOR", "REQUEST", "ASKED BY", "AGE"], ...asked])]),
  ];
}

/** `lighthouse beacon list`. */
export const runBeaconList: Run = async (call) => {
  const { client } = await call.connect();
  const [{ items }, requests] = await Promise.all([
    client.list(beacons, {}, call.signal),
    waitingRequests(call),
  ]);
  const [all, waiting] = [items.map(viewOf), requests.map(waitingView)];
  const format = text(call.flags, "output");
  if (isDocumentFormat(format)) {
    call.io.out(documentText(format, { items: all, waiting }));
    return 0;
  }
  const parts = tables(call, all, waiting);
  if (parts.length === 0)
    call.io.err('No beacons found; a network joins by "lighthouse token create"\n');
  call.io.out(parts.join("\n"));
  return 0;
};
