import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { badRequest, internal } from "../../machinery/errors.ts";

/** A file of the server's `pki` folder. */
export type ServerFile = { readonly name: string; readonly value: Buffer };

/** A name that leads nowhere else: no slash, no dot in front. */
const plainName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/**
 * What is made anew at each start, with the address of then, drafts of files, and where the audit log
 * ended, which is no part of a backup: the next one would miss all of its lines.
 */
const made = /\.(kubeconfig|tmp|head)$/;
const maxFileBytes = 1 << 20;
const maxFiles = 200;

/** Refuses what a backup's maker could fill our memory with. @throws StatusError `BadRequest` */
export function checkFileCount(files: ReadonlyMap<string, string>, added: Uint8Array): void {
  if (files.size < maxFiles && added.byteLength <= maxFileBytes) return;
  throw badRequest(
    `Cannot restore the backup: it has more than ${maxFiles} files, or one of more than ${maxFileBytes} bytes`,
  );
}

/** Refuses a name that a backup's maker could lead us astray with. @throws StatusError `BadRequest` */
export function checkFileName(name: string): string {
  if (plainName.test(name) && !made.test(name)) return name;
  throw badRequest(
    `Cannot restore the file ${JSON.stringify(name.slice(0, 200))}: this is no name of a key or certificate`,
  );
}

/**
 * The files that make the server who it is: its authority, the keys of ServiceAccount tokens, and the
 * certificates of its own parts. Kubeconfigs are left out: each start writes them.
 */
export async function readServerFiles(directory: string): Promise<readonly ServerFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile() && plainName.test(entry.name) && !made.test(entry.name))
    .map(({ name }) => name)
    .sort();
  if (names.length > maxFiles) {
    throw internal(
      `Cannot back up ${directory}: it holds ${names.length} files, at most ${maxFiles}`,
    );
  }
  return Promise.all(names.map((name) => readOne(directory, name)));
}

async function readOne(directory: string, name: string): Promise<ServerFile> {
  const path = join(directory, name);
  await using file = await open(path);
  const { size } = await file.stat();
  if (size > maxFileBytes) {
    throw internal(`Cannot back up ${path}: it is no key or certificate, it has ${size} bytes`);
  }
  return { name, value: await file.readFile() };
}
