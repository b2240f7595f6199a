import { readdir } from "node:fs/promises";
import {
  type Authority,
  type AuthorityRecord,
  authorityOf,
  loneAuthority,
} from "./authority-record.ts";
import { publicMode, secretMode, writeAtomically } from "./files.ts";
import { readCertificate, requireKeyOf } from "./inspect.ts";
import { issueAuthority, type KeyPair } from "./issue.ts";
import { checking, pathsOf, readPair, writePair } from "./pairs.ts";

const authorityName = "lighthouse-ca";

/** Where the files are. */
export type AuthorityFiles = {
  readonly directory: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

const wayOutOf = (directory: string): string =>
  `restore it from a backup, or remove ${directory} to start with a new identity: every kubeconfig and agent then needs new credentials`;

/** The certificate and key in the files, made if there are none yet. @throws Error with the way out */
async function openLone({ directory, nowMs }: AuthorityFiles): Promise<KeyPair> {
  const paths = pathsOf(directory, "ca");
  const wayOut = wayOutOf(directory);
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
  checkEnd(paths.certificate, { certificate, nowMs, wayOut });
  return { certificate, key };
}

type Ending = { readonly certificate: string; readonly nowMs: number; readonly wayOut: string };

function checkEnd(path: string, { certificate, nowMs, wayOut }: Ending): void {
  checking(path, wayOut, () => {
    const end = readCertificate(certificate).validToDate;
    if (end.getTime() <= nowMs) throw new Error(`it expired on ${end.toISOString()}`);
  });
}

/**
 * Brings the files to what the record says, and says what that is. The key in the files may be that of any
 * root of the record: what came after it is unsealed with it. A crash in between leaves the new key beside
 * the old certificate, which is put right here.
 */
async function openRecorded(record: AuthorityRecord, files: AuthorityFiles): Promise<Authority> {
  const { directory, nowMs } = files;
  const paths = pathsOf(directory, "ca");
  const wayOut = wayOutOf(directory);
  const { certificate, key } = await readPair(paths);
  if (key === undefined) throw new Error(`Cannot use ${paths.key}: it is missing; ${wayOut}`);
  const authority = checking(paths.key, wayOut, () => authorityOf(record, key));
  const { issuer } = authority;
  checkEnd(paths.certificate, { certificate: issuer.certificate, nowMs, wayOut });
  if (key !== issuer.key) await writeAtomically(paths.key, issuer.key, secretMode);
  if (certificate !== issuer.certificate) {
    await writeAtomically(paths.certificate, issuer.certificate, publicMode);
  }
  return authority;
}

/**
 * Opens the authority of a directory: as its files say, or, once the authority was rotated, as the servers
 * of the store have agreed upon.
 * @throws Error that names a damaged or missing file and the way out
 */
export async function openAuthority(
  record: AuthorityRecord | undefined,
  files: AuthorityFiles,
): Promise<Authority> {
  return record === undefined ? loneAuthority(await openLone(files)) : openRecorded(record, files);
}
