import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import type { Clock } from "../machinery/clock.ts";
import { tlsFloor } from "../machinery/tls-floor.ts";
import { certificatesIn, requireKeyOf } from "./pki/inspect.ts";
import type { KeyPair } from "./pki/issue.ts";

/** Files of certificates that others have issued; absolute paths. */
export type ExternalTls = {
  /** Serving certificates, each with what leads to its root, and their keys. */
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
  /** Authorities whose client certificates are users too: CN is the user, each O a group. */
  readonly clientCa?: string;
};

/** What the files hold. */
type Material = { readonly pairs: readonly KeyPair[]; readonly clientCa: string };

/** Certificates of others, as they are now. */
export interface ExternalCertificates {
  /** Authorities for client certificates, PEM; empty when there are none. */
  readonly clientCa: () => string;
  /** The context for the name that a client asks for; `undefined`: our own certificate. `ca` verifies clients. */
  context(serverName: string, ca: string): SecureContext | undefined;
  /** Looks at the files every ten seconds until the signal aborts; what is wrong is told of and left. */
  follow(signal: AbortSignal, onChange: () => void): Promise<void>;
}

type Log = { info(fields: object, text: string): void; error(fields: object, text: string): void };

/** What reading the files needs. */
export type ExternalOptions = {
  readonly files: ExternalTls;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds, default ten seconds. */
  readonly reloadMs?: number;
};

const defaultReloadMs = 10_000;

/** By this name our agents ask for the certificate of our own authority, whatever others are there. */
const ownServerName = "lighthouse";

async function read<T>(path: string, check: (pem: string) => T): Promise<T> {
  try {
    return check(await readFile(path, "utf8"));
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`Cannot use ${path}: ${why}`, { cause: err });
  }
}

function checkedCertificate(pem: string, nowMs: number): X509Certificate {
  const [leaf] = certificatesIn(pem);
  if (leaf === undefined) throw new Error("it does not hold a certificate in PEM");
  const end = leaf.validToDate;
  if (end.getTime() <= nowMs) throw new Error(`it expired on ${end.toISOString()}`);
  if (leaf.subjectAltName === undefined) throw new Error("its certificate names no host");
  return leaf;
}

async function readMaterial({ pairs, clientCa }: ExternalTls, nowMs: number): Promise<Material> {
  const read1 = async ({ cert, key }: ExternalTls["pairs"][number]): Promise<KeyPair> => {
    const certificate = await read(cert, (pem) => (checkedCertificate(pem, nowMs), pem));
    const check = (pem: string): string => {
      requireKeyOf(new X509Certificate(certificate), pem);
      return pem;
    };
    return { certificate, key: await read(key, check) };
  };
  const checkAuthorities = (pem: string): string => {
    const all = certificatesIn(pem);
    if (all.length === 0) throw new Error("it does not hold a certificate in PEM");
    if (!all.every(({ ca }) => ca)) throw new Error("it holds a certificate of no authority");
    return pem;
  };
  return {
    pairs: await Promise.all(pairs.map(read1)),
    clientCa: clientCa === undefined ? "" : await read(clientCa, checkAuthorities),
  };
}

const isSame = (left: Material, right: Material): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

class External implements ExternalCertificates {
  readonly #options: ExternalOptions;
  readonly #contexts = new Map<string, SecureContext>();
  #material: Material;

  constructor(options: ExternalOptions, material: Material) {
    this.#options = options;
    this.#material = material;
  }

  readonly clientCa = (): string => this.#material.clientCa;

  context(serverName: string, ca: string): SecureContext | undefined {
    if (serverName === ownServerName) return undefined;
    const pair = this.#material.pairs.find(
      ({ certificate }) => new X509Certificate(certificate).checkHost(serverName) !== undefined,
    );
    if (pair === undefined) return undefined;
    const id = `${pair.certificate}\n${ca}`;
    const { certificate: cert, key } = pair;
    const context = this.#contexts.get(id) ?? createSecureContext({ ...tlsFloor, cert, key, ca });
    this.#contexts.set(id, context);
    return context;
  }

  async follow(signal: AbortSignal, onChange: () => void): Promise<void> {
    const { files, clock, log, reloadMs = defaultReloadMs } = this.#options;
    for (let told = ""; !signal.aborted;) {
      await clock.sleep(reloadMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      try {
        const next = await readMaterial(files, clock.nowMs());
        told = "";
        if (isSame(next, this.#material)) continue;
        this.#material = next;
        this.#contexts.clear();
        onChange();
        log.info({ files }, "took up new files of certificates");
      } catch (err) {
        const why = err instanceof Error ? err.message : String(err);
        if (why !== told) log.error({ err }, "the former certificates stay in use");
        told = why;
      }
    }
  }
}

/**
 * Reads certificates that others have issued.
 * @throws Error naming the file that is missing, wrong, expired or does not fit
 */
export async function openExternal(options: ExternalOptions): Promise<ExternalCertificates> {
  return new External(options, await readMaterial(options.files, options.clock.nowMs()));
}
