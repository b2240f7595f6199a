import { builtInIdentities } from "../pki.ts";
import { labelNameProblems } from "../../machinery/names.ts";
import type { RequestFacts } from "./read-request.ts";

/** The signer of agents' certificates: CN is `system:beacon:NAME`, O `system:beacons`. */
export const beaconSigner = "lighthouse.dev/beacon";

/** The group that makes a user an agent. */
export const beaconGroup = "system:beacons";

const userPrefix = "system:beacon:";

/** The user that a beacon's agents are. */
export function beaconUser(beacon: string): string {
  return `${userPrefix}${beacon}`;
}

/** The beacon that a user is an agent of; `undefined` for anybody else. */
export function beaconOfUser(user: string): string | undefined {
  return user.startsWith(userPrefix) ? user.slice(userPrefix.length) : undefined;
}

/** The agent inside `lighthouse up`: the server issues its certificate to itself at each start. */
export const builtInBeacon = beaconOfUser(builtInIdentities.agent.user) ?? "";

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
  return others.length > 0 ? undefined : beaconOfUser(name);
}

function subjectProblems(facts: RequestFacts): readonly string[] {
  const { commonNames, organizations, otherAttributes } = facts;
  const beacon = requestedBeacon(facts);
  const quoted = (list: readonly string[]): string => list.map((one) => `"${one}"`).join(", ");
  const wrongName =
    beacon === undefined
      ? [`the subject must have one CN of the form ${userPrefix}NAME, has ${quoted(commonNames)}`]
      : labelNameProblems(beacon).map((problem) => `NAME in CN "${commonNames[0]}" ${problem}`);
  const reserved = beacon === builtInBeacon;
  const wrongGroup = organizations.length !== 1 || organizations[0] !== beaconGroup;
  return [
    ...wrongName,
    ...(reserved ? [`the name "${builtInBeacon}" belongs to the agent inside the server`] : []),
    ...(wrongGroup
      ? [`the subject must have the one O "${beaconGroup}", has ${quoted(organizations)}`]
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
