import { X509Certificate } from "node:crypto";
import { unauthorized } from "../../machinery/errors.ts";
import type { Authenticator, User } from "../access.ts";
import { beaconsGroup, beaconUser } from "../authz/node-identity.ts";
import { expiredBeaconUser, expiredGroup } from "../certificates/beacon-request.ts";
import { certificatesIn, isIssuedBy } from "../pki/inspect.ts";
import { type BeaconCertificate, beaconCertificate, type BeaconGuard } from "./beacon-guard.ts";

/** What knowing agents by their certificates needs. */
export type BeaconAuthenticatorOptions = {
  readonly guard: BeaconGuard;
  /** Certificates of our roots, also of those that are not trusted any more; PEM, several in one or each. */
  readonly trust: () => readonly string[];
};

type Known = {
  readonly certificate: BeaconCertificate;
  /** Who its owner is while it holds, and afterwards: the same objects on each request. */
  readonly agent: User;
  readonly lapsed: User;
};

function read(der: Uint8Array): Known | undefined {
  const certificate = beaconCertificate(der);
  if (certificate === undefined) return undefined;
  const { beacon } = certificate;
  return {
    certificate,
    agent: { name: beaconUser(beacon), groups: [beaconsGroup] },
    lapsed: { name: expiredBeaconUser(beacon), groups: [expiredGroup] },
  };
}

/**
 * Knows agents by their certificates, for as long as the guard accepts them. One that has ended, or whose
 * root was dropped, makes its owner a user who may ask for another one, and nothing else. Stands before the authenticator of
 * all other certificates, and leaves those to it.
 */
export function beaconAuthenticator(options: BeaconAuthenticatorOptions): Authenticator {
  const { guard, trust } = options;
  const isOurs = (der: Uint8Array): boolean => {
    const certificate = new X509Certificate(der);
    return trust().some((pem) => certificatesIn(pem).some((root) => isIssuedBy(certificate, root)));
  };
  const known = new WeakMap<Uint8Array, { readonly entry: Known | undefined }>();
  const entryOf = (der: Uint8Array): Known | undefined => {
    const found = known.get(der) ?? { entry: read(der) };
    known.set(der, found);
    return found.entry;
  };
  const accepted = (der: Uint8Array): User | undefined => {
    const entry = entryOf(der);
    if (entry === undefined) return undefined;
    const problem = guard.problem(entry.certificate);
    if (problem !== undefined) throw unauthorized(problem);
    return entry.agent;
  };
  const lapsed = (der: Uint8Array): User | undefined => {
    const entry = entryOf(der);
    // TLS said nothing of who issued it.
    if (entry?.certificate.enrolled !== true || !isOurs(der)) return undefined;
    const problem = guard.problem({ ...entry.certificate, endMs: Number.POSITIVE_INFINITY });
    if (problem !== undefined) throw unauthorized(problem);
    return entry.lapsed;
  };
  return {
    async authenticate({ certificate, expired }) {
      if (certificate !== undefined) return Promise.resolve(accepted(certificate));
      return expired === undefined ? undefined : lapsed(expired);
    },
  };
}
