import { X509Certificate } from "node:crypto";
import { readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { beaconsGroup, beaconUser } from "./authz/node-identity.ts";
import { beaconNameOf, certifiedBeacon } from "./pki/beacon-name.ts";
import {
  makePrivateDirectory,
  publicMode,
  readIfPresent,
  secretMode,
  writeAtomically,
} from "./pki/files.ts";
import { isCurrent, readCertificate, requireKeyOf, type Wanted } from "./pki/inspect.ts";
import { type Identity, issueAuthority, issueCertificate, type KeyPair } from "./pki/issue.ts";

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
  /** Certificate of the authority, PEM. */
  readonly authority: string;
  /** The authority with its key, for what is signed while the server runs. It never leaves it. */
  readonly issuer: KeyPair;
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
};

const authorityName = "lighthouse-ca";

type Paths = { readonly certificate: string; readonly key: string };

const pathsOf = (directory: string, name: string): Paths => ({
  certificate: join(directory, `${name}.crt`),
  key: join(directory, `${name}.key`),
});

/** Runs a check of one file; its error names the file and the way out. */
function checking<T>(path: string, wayOut: string, check: () => T): T {
  try {
    return check();
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`Cannot use ${path}: ${why}; ${wayOut}`, { cause: err });
  }
}

async function readPair(paths: Paths): Promise<Partial<KeyPair>> {
  const [certificate, key] = await Promise.all([
    readIfPresent(paths.certificate),
    readIfPresent(paths.key),
  ]);
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

// The key goes first: a certificate without a key would look like damage.
async function writePair(paths: Paths, pair: KeyPair): Promise<KeyPair> {
  await writeAtomically(paths.key, pair.key, secretMode);
  await writeAtomically(paths.certificate, pair.certificate, publicMode);
  return pair;
}

async function openAuthority({ directory, nowMs }: PkiOptions): Promise<KeyPair> {
  const paths = pathsOf(directory, "ca");
  const wayOut = `restore it from a backup, or remove ${directory} to start with a new identity: every kubeconfig and agent then needs new credentials`;
  const { certificate, key } = await readPair(paths);
  if (certificate === undefined) {
    // A first start that was interrupted leaves no certificate at all.
    const others = (await readdir(directory)).some((file) => file.endsWith(".crt"));
    if (others) {
      throw new Error(`Cannot use ${paths.certificate}: it is missing; ${wayOut}`);
    }
    return writePair(paths, await issueAuthority(authorityName, nowMs));
  }
  if (key === undefined) throw new Error(`Cannot use ${paths.key}: it is missing; ${wayOut}`);
  const parsed = checking(paths.certificate, wayOut, () => readCertificate(certificate));
  checking(paths.key, wayOut, () => requireKeyOf(parsed, key));
  checking(paths.certificate, wayOut, () => {
    const end = parsed.validToDate;
    if (end.getTime() <= nowMs) throw new Error(`it expired on ${end.toISOString()}`);
  });
  return { certificate, key };
}

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
  const authority = await openAuthority(options);
  const beacon = await beaconFor(options);
  const leaf = (holder: Holder): Promise<KeyPair> =>
    openLeaf(holder, authority, { ...options, beacon });
  const [serving, admin, controllers, agent] = await Promise.all([
    leaf("serving"),
    leaf("admin"),
    leaf("controllers"),
    leaf("agent"),
  ]);
  const { certificate } = authority;
  return { authority: certificate, issuer: authority, serving, admin, controllers, agent, beacon };
}
