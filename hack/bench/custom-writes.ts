import { Etcd3 } from "etcd3";
import { startEtcd } from "../../test/kit/etcd.ts";
import { type Lighthouse, startLighthouse } from "../../test/kit/lighthouse.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { type BenchClient, openBenchClient } from "./api-client.ts";
import { measureWrites, median, type Rate } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { scratchDir } from "./world.ts";

const clientCounts = [1, 16, 64, 256];
const rounds = 3;
const durationMs = 1_500;
/** A server that has just started runs code that is not compiled yet, several times as slow. */
const warmUpMs = 4_000;
const path = "/apis/bench.lighthouse.dev/v1/namespaces/default/benches";

const definition = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "benches.bench.lighthouse.dev" },
  spec: {
    group: "bench.lighthouse.dev",
    scope: "Namespaced",
    names: { plural: "benches", kind: "Bench" },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              spec: {
                type: "object",
                properties: {
                  round: { type: "integer" },
                  items: {
                    type: "array",
                    items: {
                      type: "object",
                      properties: { name: { type: "string" }, value: { type: "string" } },
                    },
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};

/** With its metadata, about 2 KiB of JSON. */
const items = Array.from({ length: 20 }, (_, index) => ({
  name: `item-${index}`,
  value: "x".repeat(50),
}));

const benchObject = (name: string, round: number, resourceVersion?: string): string =>
  JSON.stringify({
    apiVersion: "bench.lighthouse.dev/v1",
    kind: "Bench",
    metadata: { name, namespace: "default", ...(resourceVersion && { resourceVersion }) },
    spec: { round, items },
  });

type Write = (writer: number, round: number) => Promise<void>;

/** Part of every name: no two creations meet. */
let counter = 0;

function creations(client: BenchClient): Write {
  return async () => {
    await client.send("POST", path, { text: benchObject(`new-${counter++}`, 0) });
  };
}

const versionPattern = /"resourceVersion":"(\d+)"/;

/** Each writer replaces an object of its own, on the condition that it is the one it knows. */
function updates(client: BenchClient): Write {
  const known = new Map<number, { readonly name: string; readonly version: string }>();
  return async (writer, round) => {
    const before = known.get(writer);
    const name = before?.name ?? `own-${counter++}`;
    const text = benchObject(name, round, before?.version);
    const answer =
      before === undefined
        ? await client.send("POST", path, { text })
        : await client.send("PUT", `${path}/${name}`, { text });
    known.set(writer, { name, version: versionPattern.exec(answer)?.[1] ?? "" });
  };
}

type Side = AsyncDisposable & { readonly server: Lighthouse; readonly client: BenchClient };

async function openSide(store?: string): Promise<Side> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await scratchDir());
  const server = stack.use(
    await startLighthouse({
      command: "server",
      dataDir,
      docker: [],
      args: ["--log-level=warn"],
      ...(store === undefined ? {} : { store }),
    }),
  );
  const client = stack.use(await openBenchClient(server.kubeconfig, 256));
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await client.send("POST", crds, { text: JSON.stringify(definition) });
  await eventually("the kind is served", () => client.send("GET", path));
  const owned = stack.move();
  return { server, client, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

const rate = (rates: readonly Rate[]): number => median(rates.map(({ perSecond }) => perSecond));

/** All in turn, so that what else the machine does falls on all. */
async function interleaved(
  count: number,
  sides: Readonly<Record<string, Write>>,
): Promise<ReadonlyMap<string, readonly Rate[]>> {
  const rates = new Map<string, Rate[]>(Object.keys(sides).map((name) => [name, []]));
  for (const write of Object.values(sides)) await measureWrites(count, durationMs / 3, write);
  for (let round = 0; round < rounds; round++) {
    for (const [name, write] of Object.entries(sides)) {
      rates.get(name)?.push(await measureWrites(count, durationMs, write));
    }
  }
  return rates;
}

/**
 * Durable creations and updates of a custom resource of 2 KiB: through the API on etcd against
 * bare puts of the etcd3 package, and on the embedded store against the API on etcd.
 */
export const benchCustomWrites: Section = async (note) => {
  await using etcd = await startEtcd();
  await using onEtcd = await openSide(`etcd://${etcd.host}/lighthouse`);
  await using onLmdb = await openSide();
  const bareClient = new Etcd3({ hosts: etcd.host });
  const value = benchObject("bare", 0);
  const bare: Write = async () => {
    await bareClient.put(`/bench/bare-${counter++}`).value(value);
  };
  const figures: Figure[] = [];
  try {
    for (const [what, writes] of [
      ["creations", creations],
      ["updates", updates],
    ] as const) {
      const sides = { bare, etcd: writes(onEtcd.client), lmdb: writes(onLmdb.client) };
      for (const write of Object.values(sides)) await measureWrites(64, warmUpMs, write);
      for (const count of clientCounts) {
        const rates = await interleaved(count, sides);
        const of = (name: string): number => rate(rates.get(name) ?? []);
        note(
          `${what}, ${count} clients: bare etcd3 ${of("bare").toFixed(0)}/s, API on etcd ` +
            `${of("etcd").toFixed(0)}/s, API embedded ${of("lmdb").toFixed(0)}/s`,
        );
        figures.push(...figuresOf(`${what} of 2 KiB by ${count} clients`, count, of));
      }
    }
  } finally {
    bareClient.close();
  }
  return figures;
};

function figuresOf(what: string, count: number, of: (name: string) => number): readonly Figure[] {
  const from = (one: string, other: string): string =>
    `${of(one).toFixed(0)}/s / ${of(other).toFixed(0)}/s`;
  const onEtcd: Figure = {
    what: `${what}: API on etcd / bare etcd3 puts`,
    value: of("etcd") / of("bare"),
    unit: "x",
    atLeast: 0.6,
    from: from("etcd", "bare"),
  };
  const embedded: Figure = {
    what: `${what}: API embedded / API on etcd`,
    value: of("lmdb") / of("etcd"),
    unit: "x",
    ...(count === 64 ? { atLeast: 3 } : {}),
    from: from("lmdb", "etcd"),
  };
  return [onEtcd, embedded];
}
