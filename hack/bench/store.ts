// Durable writes of 1 KiB through our drivers against the bare libraries, in interleaved rounds.
// Usage: node hack/bench/store.ts [lmdb|etcd ...]. Ratios travel between machines, rates do not.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { open } from "lmdb";
import { openLmdbStore } from "../../api/store/lmdb.ts";
import { openStore } from "../../api/store/open.ts";
import type { Revision, Store } from "../../api/store/store.ts";
import { startEtcd } from "../../test/kit/etcd.ts";
import { measureWrites, median, type Rate } from "./durable-writes.ts";

const rounds = 3;
const durationMs = 1_000;
const writerCounts = [1, 16, 64];
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

async function compare(subjects: readonly [Subject, Subject]): Promise<void> {
  const [ours, bare] = subjects;
  for (const writers of writerCounts) {
    const rates = new Map<Subject, Rate[]>(subjects.map((subject) => [subject, []]));
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) {
        const rate = await measureWrites(writers, durationMs, (w, n) => subject.write(w, n));
        rates.get(subject)?.push(rate);
      }
    }
    const rate = (subject: Subject): number =>
      median(rates.get(subject)?.map(({ perSecond }) => perSecond) ?? []);
    for (const subject of subjects) {
      const p50 = median(rates.get(subject)?.map(({ p50Ms }) => p50Ms) ?? []);
      const cpu = median(rates.get(subject)?.map(({ cpuUs }) => cpuUs) ?? []);
      console.log(
        `${subject.name}, ${writers} writers: ${rate(subject).toFixed(0)}/s, ` +
          `p50 ${p50.toFixed(2)} ms, ${cpu.toFixed(0)} µs CPU each`,
      );
    }
    const ratio = (rate(ours) / rate(bare)).toFixed(2);
    console.log(`ratio ${ours.name} / ${bare.name}, ${writers} writers: ${ratio}\n`);
  }
}

async function benchLmdb(dir: string): Promise<void> {
  await using store = await openLmdbStore(join(dir, "ours"));
  const bare = open<Buffer, string>({
    path: join(dir, "bare"),
    encoding: "binary",
    overlappingSync: false,
  });
  await compare([
    driver("lmdb driver put", store),
    {
      name: "bare lmdb put",
      async write(writer, round) {
        await bare.put(keyOf(writer, round), value);
      },
    },
  ]);
  await bare.close();
}

async function benchEtcd(): Promise<void> {
  await using etcd = await startEtcd();
  await using store = await openStore(`etcd://${etcd.host}/ours`);
  const bare = new Etcd3({ hosts: `http://${etcd.host}` });
  await compare([
    driver("etcd driver put", store),
    {
      name: "bare etcd3 put",
      async write(writer, round) {
        await bare.put(keyOf(writer, round)).value(value);
      },
    },
  ]);
  bare.close();
}

const wanted = process.argv.slice(2);
const dir = await mkdtemp(join(tmpdir(), "lighthouse-bench-"));
try {
  if (wanted.length === 0 || wanted.includes("lmdb")) await benchLmdb(dir);
  if (wanted.length === 0 || wanted.includes("etcd")) await benchEtcd();
} finally {
  await rm(dir, { recursive: true, force: true });
}
