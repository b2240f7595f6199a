import { X509Certificate } from "node:crypto";
import { unauthorized } from "../../machinery/errors.ts";
import type { Authenticator, User } from "../access.ts";
import { beaconsGroup, beaconUser } from "../authz/node-identity.ts";
import { expiredBeaconUser, expiredGroup } from "../certificates/beacon-request.ts";
import { isIssuedBy } from "../pki/inspect.ts";
import { type BeaconCertificate, beaconCertificate, type BeaconGuard } from "./beacon-guard.ts";

/** What knowing agents by their certificates needs. */
export type BeaconAuthenticatorOptions = {
  readonly guard: BeaconGuard;
  /** Certificate of our authority, PEM. */
  readonly authority: string;
};

type Known = {
  readonly certificate: BeaconCertificate | undefined;
  readonly user: User;
};

const nobody: User = { name: "", groups: [] };

/**
 * Knows agents by their certificates, for as long as the guard accepts them. One that has ended makes
 * its owner a user who may ask for another one, and nothing else. Stands before the authenticator of
 * all other certificates, and leaves those to it.
 */
export function beaconAuthenticator(options: BeaconAuthenticatorOptions): Authenticator {
  const { guard } = options;
  const authority = new X509Certificate(options.authority);
  const known = new WeakMap<Uint8Array, Known>();
  const read = (der: Uint8Array, userOf: (beacon: string) => User): Known => {
    const found = known.get(der);
    if (found !== undefined) return found;
    const certificate = beaconCertificate(der);
    const user = certificate === undefined ? nobody : userOf(certificate.beacon);
    const entry = { certificate, user };
    known.set(der, entry);
    return entry;
  };
  const accepted = (der: Uint8Array): User | undefined => {
    const { certificate, user } = read(der, agentOf);
    if (certificate === undefined) return undefined;
    const problem = guard.problem(certificate);
    if (problem !== undefined) throw unauthorized(problem);
    return user;
  };
  const lapsed = (der: Uint8Array): User | undefined => {
    const { certificate, user } = read(der, lapsedOf);
    // TLS said nothing of who issued it.
    if (certificate?.enrolled !== true || !isIssuedBy(new X509Certificate(der), authority)) {
      return undefined;
    }
    const problem = guard.problem({ ...certificate, endMs: Number.POSITIVE_INFINITY });
    if (problem !== undefined) throw unauthorized(problem);
    return user;
  };
  return {
    async authenticate({ certificate, expired }) {
      if (certificate !== undefined) return Promise.resolve(accepted(certificate));
      return expired === undefined ? undefined : lapsed(expired);
    },
  };
}

const agentOf = (beacon: string): User => ({ name: beaconUser(beacon), groups: [beaconsGroup] });

const lapsedOf = (beacon: string): User => ({
  name: expiredBeaconUser(beacon),
  groups: [expiredGroup],
});
