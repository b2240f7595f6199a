import { X509Certificate } from "node:crypto";
import { hostname } from "node:os";
import { beaconsGroup, beaconUser } from "./authz/node-identity.ts";
import { openAuthority } from "./pki/authority-files.ts";
import type { AuthorityRecord } from "./pki/authority-record.ts";
import { beaconNameOf, certifiedBeacon } from "./pki/beacon-name.ts";
import { makePrivateDirectory, readIfPresent } from "./pki/files.ts";
import { isCurrent, readCertificate, requireKeyOf, type Wanted } from "./pki/inspect.ts";
import { type Identity, issueCertificate, type KeyPair } from "./pki/issue.ts";
import { checking, pathsOf, readPair, writePair } from "./pki/pairs.ts";

/** Identities of the certificates that the server issues to itself and to the built-in parts. */
const builtInIdentities = {
  serving: { user: "lighthouse-server", groups: [] },
  admin: { user: "admin", groups: ["system:masters"] },
  controllers: { user: "system:lighthouse:controllers", groups: ["system:lighthouse:controllers"] },
} as const satisfies Readonly<Record<string, Identity>>;

type Holder = keyof typeof builtInIdentities | "agent";

function identityOf(holder: Holder, beacon: string): Identity {
  if (holder !== "agent") return builtInIdentities[holder];
  return { user: beaconUser(beacon), groups: [beaconsGroup] };
}

/** The certificate authority and everything it issued at start. */
export type Pki = {
  /** Certificates of the roots that are trusted, PEM, that of the issuer first. Mostly it is one. */
  readonly authority: string;
  /** The authority with its key, for what is signed while the server runs. It never leaves it. */
  readonly issuer: KeyPair;
  /** What goes out behind the serving certificate: see `Authority`. */
  readonly cross: string;
  /** Certificates of roots that are not trusted any more, PEM each. */
  readonly retired: readonly string[];
  readonly serving: KeyPair;
  readonly admin: KeyPair;
  readonly controllers: KeyPair;
  /** Of the agent that runs in the server's process group. */
  readonly agent: KeyPair;
  /** metadata.name of the Beacon that the agent's certificate is for. */
  readonly beacon: string;
};

/** Where the files are, and what the serving certificate must cover. */
export type PkiOptions = {
  /** Created with mode 0700. */
  readonly directory: string;
  /** DNS names and IP addresses clients may use for the server. */
  readonly names: readonly string[];
  /** The Beacon of the built-in agent. Default: the one that its certificate is for, else the host's name. */
  readonly beacon?: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
  /** What the servers of the store have agreed upon; absent before the first rotation. */
  readonly record?: AuthorityRecord;
};

async function openLeaf(
  holder: Holder,
  authority: KeyPair,
  { directory, names, nowMs, beacon }: PkiOptions & { readonly beacon: string },
): Promise<KeyPair> {
  const paths = pathsOf(directory, holder);
  const server = holder === "serving";
  const wanted: Wanted = {
    authority: new X509Certificate(authority.certificate),
    identity: identityOf(holder, beacon),
    names: server ? names : [],
    nowMs,
  };
  const { certificate, key } = await readPair(paths);
  if (certificate !== undefined && key !== undefined) {
    const wayOut = `remove ${paths.certificate} and ${paths.key}: the next start issues them again`;
    const parsed = checking(paths.certificate, wayOut, () => readCertificate(certificate));
    checking(paths.key, wayOut, () => requireKeyOf(parsed, key));
    const pair = { certificate, key };
    if (isCurrent(pair, wanted)) return pair;
  }
  const usage = server ? "server" : "client";
  return writePair(paths, await issueCertificate(authority, { ...wanted, usage }));
}

/** @throws Error that names the agent's certificate when that is damaged */
async function beaconFor({ directory, beacon }: PkiOptions): Promise<string> {
  if (beacon !== undefined) return beacon;
  const paths = pathsOf(directory, "agent");
  const certificate = await readIfPresent(paths.certificate);
  const wayOut = `remove ${paths.certificate} and ${paths.key}: the next start issues them again`;
  const certified =
    certificate === undefined
      ? undefined
      : checking(paths.certificate, wayOut, () => {
          readCertificate(certificate);
          return certifiedBeacon(certificate);
        });
  return certified ?? beaconNameOf(hostname());
}

/**
 * Opens the server's certificates, and creates or renews what is missing, ends within 30 days or
 * does not fit any more. Keys have mode 0600. Must not run twice at once on one directory: the
 * store's lock on the data directory sees to that.
 *
 * @throws Error that names a damaged or missing file and the way out.
 */
export async function openPki(options: PkiOptions): Promise<Pki> {
  await makePrivateDirectory(options.directory);
  const { issuer, roots, cross, retired } = await openAuthority(options.record, options);
  const beacon = await beaconFor(options);
  const leaf = (holder: Holder): Promise<KeyPair> =>
    openLeaf(holder, issuer, { ...options, beacon });
  const [serving, admin, controllers, agent] = await Promise.all([
    leaf("serving"),
    leaf("admin"),
    leaf("controllers"),
    leaf("agent"),
  ]);
  const trust = { authority: roots.join(""), issuer, cross, retired };
  return { ...trust, serving, admin, controllers, agent, beacon };
}
