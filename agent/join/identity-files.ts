import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readIfPresent, writeWhole } from "../../api/client/whole-file.ts";

/** What an agent keeps between its runs. The key never leaves the host. */
export type StoredIdentity = {
  /** e.g. `https://lighthouse.example.com:6443`. */
  readonly server: string;
  readonly beacon: string;
  /** The token that it joined with, without its secret. */
  readonly tokenId: string;
  /** Roots of the server's authority, PEM; the one that issues first. */
  readonly authority: string;
  /** Client certificate, PEM. */
  readonly certificate: string;
  /** Private key, PEM. */
  readonly key: string;
};

const secretMode = 0o600;

const facts = z.object({ server: z.string(), beacon: z.string(), tokenId: z.string() });

type Paths = Readonly<Record<"facts" | "authority" | "certificate" | "key", string>>;

function pathsOf(dataDir: string): Paths {
  return {
    facts: join(dataDir, "agent.json"),
    authority: join(dataDir, "ca.crt"),
    certificate: join(dataDir, "agent.crt"),
    key: join(dataDir, "agent.key"),
  };
}

const named = (path: string, cause: unknown): Error => {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new Error(`Cannot keep the agent's identity in ${path}: ${why}`, { cause });
};

/**
 * The private key of this host, PEM: the one that is there, else a new one (ECDSA P-256). Its directory is
 * made for the owner alone.
 * @throws Error naming the file
 */
export async function openKey(dataDir: string): Promise<string> {
  const { key: path } = pathsOf(dataDir);
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    const found = await readIfPresent(path);
    if (found !== undefined) {
      createPrivateKey(found); // a damaged one must not look like a refusal of the server
      await chmod(path, secretMode);
      return found;
    }
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await writeWhole(path, pem);
    return pem;
  } catch (cause) {
    throw named(path, cause);
  }
}

/** The identity of a former join; `undefined` when there is none, or not all of it.
 * @throws Error naming a file that is damaged or may not be read */
export async function readIdentity(dataDir: string): Promise<StoredIdentity | undefined> {
  const paths = pathsOf(dataDir);
  try {
    const [text, authority, certificate, key] = await Promise.all([
      readIfPresent(paths.facts),
      readIfPresent(paths.authority),
      readIfPresent(paths.certificate),
      readIfPresent(paths.key),
    ]);
    if (text === undefined || authority === undefined) return undefined;
    if (certificate === undefined || key === undefined) return undefined;
    if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) {
      throw new Error(`${paths.certificate} is not of the key beside it`);
    }
    return { ...facts.parse(JSON.parse(text)), authority, certificate, key };
  } catch (cause) {
    throw named(dataDir, cause);
  }
}

/** Keeps a new certificate in place of the old one, which stays when this fails. */
export async function keepCertificate(dataDir: string, certificate: string): Promise<void> {
  const { certificate: path } = pathsOf(dataDir);
  try {
    await writeWhole(path, certificate);
  } catch (cause) {
    throw named(path, cause);
  }
}

/** Keeps the roots that the server trusts from now on. */
export async function keepAuthority(dataDir: string, authority: string): Promise<void> {
  const { authority: path } = pathsOf(dataDir);
  try {
    await writeWhole(path, authority);
  } catch (cause) {
    throw named(path, cause);
  }
}

/** Keeps what a join brought; the facts go last, they make it whole. */
export async function keepIdentity(
  dataDir: string,
  { authority, certificate, key: _key, ...rest }: StoredIdentity,
): Promise<void> {
  const paths = pathsOf(dataDir);
  try {
    await writeWhole(paths.authority, authority);
    await writeWhole(paths.certificate, certificate);
    await writeWhole(paths.facts, `${JSON.stringify(rest)}\n`);
  } catch (cause) {
    throw named(dataDir, cause);
  }
}
