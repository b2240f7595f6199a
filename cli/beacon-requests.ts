import { badRequest } from "../api/machinery/errors.ts";
import { type CertificateRequest, certificateRequests } from "../api/machinery/resources.ts";
import { label } from "../crds/labels.ts";
import { type Call, Misuse, text } from "./command.ts";

const signerName = "lighthouse.dev/beacon";

/** Whether nobody has decided about a request. */
function isWaiting({ status }: CertificateRequest): boolean {
  const decided = status?.conditions?.length ?? 0;
  return decided === 0 && status?.certificate === undefined;
}

/** Requests for agents' certificates that wait for a person; of one beacon, or of all. */
export async function waitingRequests(
  call: Call,
  beacon?: string,
): Promise<readonly CertificateRequest[]> {
  const { client } = await call.connect();
  const labelSelector = beacon === undefined ? label.beacon : `${label.beacon}=${beacon}`;
  const { items } = await client.list(certificateRequests, { labelSelector }, call.signal);
  // Anybody who may ask may set labels on what other signers are asked for.
  return items.filter((item) => item.spec.signerName === signerName && isWaiting(item));
}

/** The name that a command is about. @throws Misuse */
export function beaconNamed({ args }: Call): string {
  const [name, ...more] = args;
  if (name === undefined || more.length > 0) throw new Misuse("Expected the NAME of one beacon");
  return name.replace(/^beacons?(\.lighthouse\.dev)?\//, "");
}

/**
 * The one request that a verdict is about.
 * @throws StatusError `BadRequest` when none waits, or several do and none is named
 */
export async function requestFor(call: Call, beacon: string): Promise<CertificateRequest> {
  const all = await waitingRequests(call, beacon);
  const wanted = text(call.flags, "request");
  const found = wanted === undefined ? all : all.filter(({ metadata }) => metadata.name === wanted);
  const [first, ...others] = found;
  if (first === undefined) {
    const which = wanted === undefined ? "" : ` called "${wanted}"`;
    throw badRequest(`Cannot decide about beacon "${beacon}": no request${which} waits for it`);
  }
  if (others.length === 0) return first;
  const lines = found.map(
    ({ metadata, spec }) => `${metadata.name} (asked by ${spec.username ?? "nobody"})`,
  );
  throw badRequest(
    `Cannot choose: ${found.length} requests wait for beacon "${beacon}"; name one with --request: ${lines.join(", ")}`,
  );
}
