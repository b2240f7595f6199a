import { X509Certificate } from "node:crypto";
import { beaconOf } from "../authz/node-identity.ts";
import { userOf } from "../authn/certificate.ts";

/** As long as a label's value may be: every Node says the name of its beacon. */
const maxLength = 63;

/** What former versions called the agent of every data directory, whatever its beacon was called. */
const formerName = "local";

/** The name of the beacon on a host of that name, e.g. `ci-runner-7` of `CI_Runner 7`. */
export function beaconNameOf(hostname: string): string {
  const name = hostname
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, "-")
    .slice(0, maxLength)
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  return name === "" ? formerName : name;
}

/**
 * The beacon that an agent's certificate is for; `undefined` when it says none. A name once taken stays,
 * also when the host is called something else: its Nodes are labelled with it.
 */
export function certifiedBeacon(certificate: string): string | undefined {
  const user = userOf(new X509Certificate(certificate).raw);
  const beacon = user === undefined ? undefined : beaconOf(user);
  return beacon === "" || beacon === formerName ? undefined : beacon;
}
