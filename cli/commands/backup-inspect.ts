import { createReadStream } from "node:fs";
import { openBackup, type OpenedBackup } from "../../api/backup/backup-file.ts";
import type { Slot } from "../../api/backup/locks.ts";
import { harmless } from "../audit-text.ts";
import { bytesText, progressOn } from "../backup/progress.ts";
import { openerOf } from "../backup/secrets.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";

type Counts = {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
  /** By `plural.group`. */
  readonly objects: Readonly<Record<string, number>>;
  readonly bytes: number;
};

function fileOf({ args }: Call): string {
  const [path, ...more] = args;
  if (path === undefined || more.length > 0) throw new Misuse("Name one file");
  return path;
}

/** `configmaps`, `applications.lighthouse.dev`: as kubectl names them. */
function kindOf(key: string): string {
  const [, , group = "", plural = ""] = key.split("/");
  return group === "core" ? plural : `${plural}.${group}`;
}

/** Reads all of it, which also proves that nothing is missing or changed. */
async function count(call: Call, opened: OpenedBackup): Promise<Counts | undefined> {
  const opener = await openerOf(call, call.flags["counts"] === true);
  if (opener === undefined) return undefined;
  const progress = progressOn(call.io);
  const objects: Record<string, number> = {};
  const files: string[] = [];
  let settings: Counts["settings"] = {};
  let bytes = 0;
  let entries = 0;
  for await (const record of opened.records(opener)) {
    if (record.type === "settings") ({ settings } = record);
    if (record.type === "file") files.push(record.name);
    if (record.type !== "entry") continue;
    const kind = kindOf(record.key);
    objects[kind] = (objects[kind] ?? 0) + 1;
    bytes += record.value.byteLength;
    entries += 1;
    progress.tell(`${entries} objects, ${bytesText(bytes)}`);
  }
  progress.end();
  return { settings, files, objects, bytes };
}

const lockText = (lock: Slot): string =>
  lock.type === "argon2id" ? "a passphrase" : `the private key of ${lock.recipient}`;

function print({ io }: Call, { header }: OpenedBackup, counts: Counts | undefined): void {
  const rows: (readonly [string, string | number])[] = [
    ["Created:", header.created],
    ["Cluster:", header.cluster],
    ["Revision:", header.revision],
    ["Store:", header.source === "embedded" ? "embedded" : "etcd"],
    ["Made by:", `lighthouse ${header.product}`],
    ["Format:", header.format],
    ["Opens with:", header.locks.map(lockText).join(", or ")],
  ];
  if (counts !== undefined) {
    rows.push(["Files:", counts.files.join(", ")], ["Objects:", bytesText(counts.bytes)]);
    for (const [kind, number] of Object.entries(counts.objects).sort(([a], [b]) =>
      a.localeCompare(b),
    )) {
      rows.push([`  ${kind}`, number]);
    }
    for (const [name, value] of Object.entries(counts.settings)) {
      rows.push([`Setting ${name}:`, JSON.stringify(value)]);
    }
  }
  const width = Math.max(...rows.map(([name]) => name.length)) + 1;
  // Whoever knows a public key makes files that it opens: their words must not steer the terminal.
  for (const [name, value] of rows) io.out(`${harmless(`${name.padEnd(width)}${value}`)}\n`);
}

/** `lighthouse backup inspect FILE`. */
export const runBackupInspect: Run = async (call) => {
  const opened = await openBackup(createReadStream(fileOf(call)));
  const counts = await count(call, opened);
  await opened.close();
  if (text(call.flags, "output") === "json") {
    const shown = { ...opened.header, ...counts };
    call.io.out(`${JSON.stringify(shown, null, 2)}\n`);
    return 0;
  }
  print(call, opened, counts);
  return 0;
};

/** `lighthouse backup verify FILE`. */
export const runBackupVerify: Run = async (call) => {
  const path = fileOf(call);
  const opened = await openBackup(createReadStream(path));
  const asking = { ...call, flags: { ...call.flags, counts: true as const } };
  const counts = await count(asking, opened);
  const total = Object.values(counts?.objects ?? {}).reduce((sum, one) => sum + one, 0);
  const { created } = opened.header;
  call.io.out(`${path} is complete and unchanged: ${total} objects of ${created}\n`);
  return 0;
};
