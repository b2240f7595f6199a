import { chmod, mkdir, open, readdir, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { unavailable } from "../machinery/errors.ts";
import { damagedError } from "./lmdb-errors.ts";

/** Says that a directory is ours, and how its data is laid out. */
export const markerFile = "lighthouse-store.json";
const dataFile = "data.mdb";
/**
 * Raise it when the tables change, or what is in them, so that an older program would do damage: it
 * refuses the directory then. 2: values may be encrypted; data of 1 is read, and is of 2 from then on.
 */
const format = 2;
const oldestFormat = 1;

/** `initialized` tells a first start that was cut short from a data file that went missing. */
type Marker = {
  readonly format: number;
  readonly initialized: boolean;
  /** Only a part of the data is there: a restore goes on, or was interrupted. */
  readonly restoring?: true;
};

/**
 * Makes sure that `dir` is ours to open: creates it with mode 0700, refuses one that holds other
 * things, lost its data file, was written by a newer program or is visibly damaged.
 */
export async function prepareDir(dir: string): Promise<void> {
  await mkdir(dirname(dir), { recursive: true });
  const created = await mkdir(dir, { recursive: true, mode: 0o700 });
  if (created !== undefined) await chmod(dir, 0o700);
  const names = (await readdir(dir)).filter((name) => name !== "lost+found");
  if (!names.includes(markerFile)) {
    if (names.length > 0) throw foreignError(dir, names);
    await writeMarker(dir, { format, initialized: false });
    return;
  }
  const marker = await readKnownMarker(dir);
  if (marker.restoring === true) {
    throw unavailable(
      `Cannot open the store in ${dir}: a restore into it was interrupted; run "lighthouse restore" again`,
    );
  }
  if (names.includes(dataFile)) await checkDataFile(dir, marker);
  else if (marker.initialized) throw damagedError(dir, `${dataFile} is missing`);
}

/** From now on a missing data file is a loss, not a first start, and older programs stay away. */
export async function markInitialized(dir: string): Promise<void> {
  const marker = await readMarker(dir);
  if (marker.restoring === true || (marker.initialized && marker.format === format)) return;
  await writeMarker(dir, { format, initialized: true });
}

/**
 * Makes sure that a restore may write into `dir`: it is new or empty, or what an interrupted restore
 * left there. Until `markRestored` nobody else opens it.
 */
export async function prepareRestoreDir(dir: string): Promise<void> {
  await mkdir(dirname(dir), { recursive: true });
  const created = await mkdir(dir, { recursive: true, mode: 0o700 });
  if (created !== undefined) await chmod(dir, 0o700);
  const names = (await readdir(dir)).filter((name) => name !== "lost+found");
  if (names.length === 0) return writeMarker(dir, { format, initialized: false, restoring: true });
  if (!names.includes(markerFile)) throw foreignError(dir, names);
  if ((await readKnownMarker(dir)).restoring === true) return;
  throw unavailable(
    `Cannot restore into ${dir}: it holds a store already; choose an empty or new directory`,
  );
}

/** All of the data is there. */
export async function markRestored(dir: string): Promise<void> {
  await writeMarker(dir, { format, initialized: true });
}

async function readKnownMarker(dir: string): Promise<Marker> {
  const marker = await readMarker(dir);
  if (marker.format >= oldestFormat && marker.format <= format) return marker;
  throw unavailable(
    `Cannot open the store in ${dir}: its format is ${marker.format}, this program reads ` +
      `${oldestFormat} to ${format}; use the program version that wrote it`,
  );
}

function foreignError(dir: string, names: readonly string[]): Error {
  const shown = names.toSorted().slice(0, 3).join(", ");
  const more = names.length > 3 ? ` and ${names.length - 3} more` : "";
  return unavailable(
    `Cannot use ${dir} for the store: it holds other things (${shown}${more}) and no ` +
      `${markerFile}; choose an empty or new directory`,
  );
}

async function readMarker(dir: string): Promise<Marker> {
  const text = await readFile(join(dir, markerFile), "utf8");
  try {
    const marker: unknown = JSON.parse(text);
    if (isMarker(marker)) return marker;
  } catch (err) {
    throw damagedError(dir, `${markerFile} is not JSON`, err);
  }
  throw damagedError(dir, `${markerFile} has no format`);
}

function isMarker(value: unknown): value is Marker {
  if (typeof value !== "object" || value === null) return false;
  if (!("format" in value) || !("initialized" in value)) return false;
  return typeof value.format === "number" && typeof value.initialized === "boolean";
}

async function writeMarker(dir: string, marker: Marker): Promise<void> {
  const path = join(dir, markerFile);
  const file = await open(`${path}.tmp`, "w", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(marker)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
  const folder = await open(dir);
  try {
    await folder.sync(); // the names of the new files, too, must survive a power cut
  } finally {
    await folder.close();
  }
}

// Offsets of the two meta pages as LMDB 0.9 of lmdb-js 3 writes them, behind a header of 24 bytes.
const at = { magic: 24, pageSize: 48, mainRoot: 136, lastPage: 144, transaction: 152 };
const magic = 0xbeefc0de;
/** LMDB may leave a few allocated pages at the end unwritten; more than that was cut off. */
const sparePages = 64;

/**
 * Looks at the head of the data file before LMDB maps it into memory: there, a damaged head or a
 * file cut short would end the process with a signal instead of an error.
 */
async function checkDataFile(dir: string, { initialized }: Marker): Promise<void> {
  const path = join(dir, dataFile);
  const { size } = await stat(path);
  if (size === 0 && !initialized) return;
  const head = Buffer.alloc(Math.min(size, 2 * 65_536));
  const file = await open(path);
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  const pageSize = head.length >= 4_096 ? head.readUInt32LE(at.pageSize) : 0;
  const metas = [0, pageSize].map((offset) => readMeta(head, offset));
  const newest = metas.toSorted((a, b) => b.transaction - a.transaction)[0];
  if (newest === undefined || metas.some((meta) => !meta.valid)) {
    throw damagedError(dir, `${dataFile} is no LMDB file`);
  }
  const pages = Math.floor(size / pageSize);
  if (newest.mainRoot >= pages || newest.lastPage >= pages + sparePages) {
    throw damagedError(dir, `${dataFile} was cut off at ${size} bytes`);
  }
}

type Meta = {
  readonly valid: boolean;
  readonly mainRoot: number;
  readonly lastPage: number;
  readonly transaction: number;
};

function readMeta(head: Buffer, offset: number): Meta {
  if (head.length < offset + 4_096 || head.readUInt32LE(offset + at.magic) !== magic) {
    return { valid: false, mainRoot: 0, lastPage: 0, transaction: -1 };
  }
  const number = (position: number): number => Number(head.readBigUInt64LE(offset + position));
  const root = number(at.mainRoot);
  return {
    valid: true,
    mainRoot: root > 2 ** 53 ? 0 : root, // an empty tree has the root ~0
    lastPage: number(at.lastPage),
    transaction: number(at.transaction),
  };
}
