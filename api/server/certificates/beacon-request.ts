import { labelValueProblems, subdomainProblems } from "../../machinery/names.ts";
import { beaconOf, beaconsGroup, beaconUser } from "../authz/node-identity.ts";
import type { RequestFacts } from "./read-request.ts";

/** The signer of agents' certificates: CN is `system:beacon:NAME`, O `system:beacons`. */
export const beaconSigner = "lighthouse.dev/beacon";

const expiredPrefix = "system:expired-beacon:";

/** The group of agents whose certificate has ended: all they may do is ask for another one. */
export const expiredGroup = "system:expired-beacons";

/** The user that an agent is whose certificate for the beacon has ended. */
export function expiredBeaconUser(beacon: string): string {
  return `${expiredPrefix}${beacon}`;
}

/** The inverse of {@link expiredBeaconUser}; `undefined` for anybody else. */
export function expiredBeaconOf(user: string): string | undefined {
  return user.startsWith(expiredPrefix) ? user.slice(expiredPrefix.length) : undefined;
}

const allowedUsages: ReadonlySet<string> = new Set(["client auth", "digital signature"]);
const curves: ReadonlySet<string> = new Set(["EC P-256", "EC P-384", "EC P-521"]);
const minModulus = 2_048;

function isStrong(keyKind: string): boolean {
  const modulus = /^RSA (\d+)$/.exec(keyKind)?.[1];
  return modulus === undefined
    ? keyKind === "Ed25519" || curves.has(keyKind)
    : Number(modulus) >= minModulus;
}

/** What a request would make its sender, e.g. `edge`; `undefined` when it names no single beacon. */
export function requestedBeacon({ commonNames }: RequestFacts): string | undefined {
  const [name = "", ...others] = commonNames;
  const beacon = beaconOf({ name, groups: [beaconsGroup] }) ?? "";
  return others.length > 0 || beacon === "" ? undefined : beacon;
}

/** It names an object, and every Node carries it as a label. */
const nameProblems = (beacon: string): readonly string[] => [
  ...subdomainProblems(beacon),
  ...labelValueProblems(beacon),
];

function subjectProblems(facts: RequestFacts): readonly string[] {
  const { commonNames, organizations, otherAttributes } = facts;
  const beacon = requestedBeacon(facts);
  const quoted = (list: readonly string[]): string => list.map((one) => `"${one}"`).join(", ");
  const wrongName =
    beacon === undefined
      ? [
          `the subject must have one CN of the form ${beaconUser("NAME")}, has ${quoted(commonNames)}`,
        ]
      : nameProblems(beacon).map((problem) => `NAME in CN "${commonNames[0]}" ${problem}`);
  const wrongGroup = organizations.length !== 1 || organizations[0] !== beaconsGroup;
  return [
    ...wrongName,
    ...(wrongGroup
      ? [`the subject must have the one O "${beaconsGroup}", has ${quoted(organizations)}`]
      : []),
    ...(otherAttributes.length > 0
      ? [`the subject may have nothing but CN and O, has ${otherAttributes.join(", ")}`]
      : []),
  ];
}

/**
 * Why {@link beaconSigner} will never sign a request, in the order of its fields; empty when it may.
 * Whether the sender may have that name is another question.
 */
export function beaconRequestProblems(
  facts: RequestFacts,
  usages: readonly string[],
): readonly string[] {
  const { extensions, keyKind } = facts;
  const wrongUsages = usages.filter((usage) => !allowedUsages.has(usage));
  return [
    ...subjectProblems(facts),
    ...(extensions.length > 0
      ? [
          `no extension may be asked for (subject alternative names neither), has ${extensions.join(", ")}`,
        ]
      : []),
    ...(isStrong(keyKind)
      ? []
      : [`the key must be ECDSA, Ed25519 or RSA of ${minModulus} bits or more, is ${keyKind}`]),
    ...(wrongUsages.length > 0
      ? [`usages may be "client auth" and "digital signature", has ${wrongUsages.join(", ")}`]
      : []),
    ...(usages.includes("client auth") ? [] : ['usages must have "client auth"']),
  ];
}
