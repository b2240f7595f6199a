import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { open } from "lmdb";
import { encryptedStore } from "../../api/store/encryption/encrypted-store.ts";
import { newEncryptionKey } from "../../api/store/encryption/key-ring.ts";
import { openLmdbStore } from "../../api/store/lmdb.ts";
import { openStore } from "../../api/store/open.ts";
import type { Revision, Store } from "../../api/store/store.ts";
import { startEtcd } from "../../test/kit/etcd.ts";
import { measureWrites, median, type Rate } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { scratchDir } from "./world.ts";

const rounds = 3;
const durationMs = 1_000;
const writerCounts = [1, 64];
const keysPerWriter = 100;
const value = Buffer.alloc(1_024, 7);

type Subject = {
  readonly name: string;
  write(writer: number, round: number): Promise<void>;
};

const keyOf = (writer: number, round: number): string =>
  `/registry/core/pods/bench/pod-${writer}-${round % keysPerWriter}`;

/** Compare-and-set through a driver: each writer updates its own keys. */
function driver(name: string, store: Store): Subject {
  const seen = new Map<string, Revision>();
  return {
    name,
    async write(writer, round) {
      const key = keyOf(writer, round);
      seen.set(key, await store.put(key, value, seen.get(key) ?? 0));
    },
  };
}

type Note = Parameters<Section>[0];

async function compare(
  subjects: readonly [Subject, Subject],
  note: Note,
): Promise<readonly Figure[]> {
  const [ours, bare] = subjects;
  const figures: Figure[] = [];
  for (const writers of writerCounts) {
    const rates = new Map<Subject, Rate[]>(subjects.map((subject) => [subject, []]));
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) {
        const rate = await measureWrites(writers, durationMs, (w, n) => subject.write(w, n));
        rates.get(subject)?.push(rate);
      }
    }
    const of = (subject: Subject, pick: (rate: Rate) => number): number =>
      median(rates.get(subject)?.map(pick) ?? []);
    for (const subject of subjects) {
      const cpu = of(subject, ({ cpuUs }) => cpuUs);
      const p50 = of(subject, ({ p50Ms }) => p50Ms);
      note(
        `${subject.name}, ${writers} writers: p50 ${p50.toFixed(2)} ms, ${cpu.toFixed(0)} µs CPU`,
      );
    }
    const perSecond = (subject: Subject): number => of(subject, (rate) => rate.perSecond);
    figures.push({
      what: `compare-and-set by ${writers} writers: ${ours.name} / ${bare.name}`,
      value: perSecond(ours) / perSecond(bare),
      unit: "x",
      from: `${perSecond(ours).toFixed(0)}/s / ${perSecond(bare).toFixed(0)}/s`,
    });
  }
  return figures;
}

async function compareLmdb(note: Note): Promise<readonly Figure[]> {
  await using dir = await scratchDir();
  await using store = await openLmdbStore(join(dir.path, "ours"));
  const bare = open<Buffer, string>({
    path: join(dir.path, "bare"),
    encoding: "binary",
    overlappingSync: false,
  });
  const plain: Subject = {
    name: "bare lmdb put",
    async write(writer, round) {
      await bare.put(keyOf(writer, round), value);
    },
  };
  try {
    return await compare([driver("embedded store", store), plain], note);
  } finally {
    await bare.close();
  }
}

async function compareEtcd(note: Note): Promise<readonly Figure[]> {
  await using etcd = await startEtcd();
  await using store = await openStore(`etcd://${etcd.host}/ours`);
  const bare = new Etcd3({ hosts: `http://${etcd.host}` });
  const plain: Subject = {
    name: "bare etcd3 put",
    async write(writer, round) {
      await bare.put(keyOf(writer, round)).value(value);
    },
  };
  try {
    return await compare([driver("etcd store", store), plain], note);
  } finally {
    bare.close();
  }
}

const reads = 20_000;

/** Microseconds per `get` of keys that are there, in turn. */
async function readUs(store: Store): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < reads; i++) await store.get(keyOf(0, i));
  return ((performance.now() - start) * 1_000) / reads;
}

/** Writes and reads of Secrets, which are encrypted, against those of the same store without. */
async function compareEncrypted(note: Note): Promise<readonly Figure[]> {
  await using dir = await scratchDir();
  await using plain = await openLmdbStore(join(dir.path, "plain"));
  await using beneath = await openLmdbStore(join(dir.path, "encrypted"));
  const key = newEncryptionKey(0);
  const ring = { keys: [key], writing: key.id, prefixes: ["/registry/"] };
  const encrypted = encryptedStore(beneath, { ring: () => ring });
  const subjects = [driver("encrypted store", encrypted), driver("plain store", plain)] as const;
  const writes = await compare(subjects, note);
  const times = { encrypted: [] as number[], plain: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.encrypted.push(await readUs(encrypted));
    times.plain.push(await readUs(plain));
  }
  const [ours, bare] = [median(times.encrypted), median(times.plain)];
  return [
    ...writes,
    {
      what: "get of a Secret that was read before: encrypted store / plain store",
      value: ours / bare,
      unit: "x",
      from: `${ours.toFixed(1)} µs / ${bare.toFixed(1)} µs`,
    },
  ];
}

/** Compare-and-set through our drivers against plain puts of the bare packages, and what encryption costs. */
export const benchStore: Section = async (note) => [
  ...(await compareEncrypted(note)),
  ...(await compareLmdb(note)),
  ...(await compareEtcd(note)),
];
