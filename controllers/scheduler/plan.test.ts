import {
  array,
  assert,
  boolean,
  constantFrom,
  integer,
  option,
  property,
  record,
} from "fast-check";
import { expect, test } from "vitest";
import { planScheduling } from "./plan.ts";
import type { BoundPod, NodeSeen, PodSeen, Seen, Spread } from "./seen.ts";

const unit = 1_000_000_000n;
const amounts = (all: Readonly<Record<string, number>>): ReadonlyMap<string, bigint> =>
  new Map(Object.entries(all).map(([name, amount]) => [name, BigInt(amount) * unit]));

const node = (name: string, over: Partial<NodeSeen> = {}): NodeSeen => ({
  name,
  labels: { "kubernetes.io/hostname": name },
  ready: true,
  unschedulable: false,
  taints: [],
  allocatable: amounts({ cpu: 4, memory: 100, pods: 10 }),
  ...over,
});

let serial = 0;
const pod = (name: string, over: Partial<PodSeen> = {}): PodSeen => {
  serial += 1;
  const uid = `${name}#${serial}`;
  return {
    namespace: "shop",
    name,
    uid,
    createdAt: "2026-01-01T00:00:00Z",
    priority: 0,
    group: uid,
    runs: true,
    requests: amounts({ pods: 1 }),
    ports: [],
    constraints: { labels: {} },
    tolerations: [],
    ...over,
  };
};
const needs = (memory: number) => ({ requests: amounts({ memory, pods: 1 }) });
const port = (number: number, ip = "", protocol = "TCP") => ({ port: number, ip, protocol });
const taint = (key: string, effect = "NoSchedule", value = "") => ({ key, effect, value });
const wish = (values: readonly string[], weight = 100) => [
  { weight, term: { labels: [], fields: [{ key: "metadata.name", operator: "In", values }] } },
];
const on = (name: string, one: PodSeen): BoundPod => ({ ...one, node: name });
const slot = (id: string, over: Partial<PodSeen> = {}): PodSeen =>
  pod(`web-${id}`, { application: "shop/web", group: `shop/web/${id}`, ...over });

const seen = (over: Partial<Seen>): Seen => ({
  nodes: [node("a"), node("b"), node("c")],
  bound: [],
  pending: [],
  spreads: new Map(),
  ...over,
});
const spread = (over: Partial<Spread> = {}): ReadonlyMap<string, Spread> =>
  new Map([
    [
      "shop/web",
      { by: ["lighthouse.dev/beacon", "kubernetes.io/hostname"], maxPerNode: 0, ...over },
    ],
  ]);

const shown = (over: Partial<Seen>): string => {
  const { bindings, refusals } = planScheduling(seen(over));
  return [
    ...bindings.map(({ pod, node }) => `${pod.name}>${node}`),
    ...refusals.map(({ pod, message }) => `${pod.name}: ${message}`),
  ].join(" | ");
};

test.each<[string, Partial<Seen>, string]>([
  ["puts nobody nowhere", {}, ""],
  [
    "says that there is no Node at all",
    { nodes: [], pending: [pod("p")] },
    "p: 0/0 nodes are available: no Node has joined.",
  ],
  [
    "counts reasons, in the order of kube-scheduler",
    {
      nodes: [node("a"), node("b"), node("c", { unschedulable: true })],
      pending: [pod("p", needs(101))],
    },
    "p: 0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient memory.",
  ],
  [
    "names each missing resource, also one the Node does not have",
    {
      nodes: [node("a", { allocatable: amounts({ memory: 1, pods: 0 }) })],
      pending: [pod("p", { requests: amounts({ memory: 2, "nvidia.com/gpu": 1, pods: 1 }) })],
    },
    "p: 0/1 nodes are available: 1 Insufficient memory, 1 Insufficient nvidia.com/gpu, 1 Too many pods.",
  ],
  [
    "does not limit pods where the Node names no limit",
    { nodes: [node("a", { allocatable: amounts({}) })], pending: [pod("p")] },
    "p>a",
  ],
  [
    "leaves out Nodes that are not ready",
    { nodes: [node("a", { ready: false })], pending: [pod("p")] },
    "p: 0/1 nodes are available: 1 node(s) were not ready.",
  ],
  [
    "heeds taints",
    {
      nodes: [node("a", { taints: [taint("gpu", "NoSchedule", "yes")] })],
      pending: [pod("p"), pod("q", { tolerations: [{ key: "gpu", operator: "Exists" }] })],
    },
    "q>a | p: 0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
  ],
  [
    "takes PreferNoSchedule for a wish",
    { nodes: [node("a", { taints: [taint("x", "PreferNoSchedule")] })], pending: [pod("p")] },
    "p>a",
  ],
  [
    "puts slots where they were last, also several that would each take the other's place",
    {
      bound: [on("c", slot("0"))],
      pending: [slot("1", { wishes: wish(["c"]) }), slot("2", { wishes: wish(["a"]) })],
      spreads: new Map([["shop/web", { by: ["kubernetes.io/hostname"], maxPerNode: 0 }]]),
    },
    "web-1>c | web-2>a",
  ],
  [
    "puts a slot elsewhere when there is no room where it was",
    {
      nodes: [node("a"), node("b", { unschedulable: true })],
      pending: [slot("1", { wishes: wish(["b"]) })],
    },
    "web-1>a",
  ],
  [
    "lets a toleration of the cordon through",
    {
      nodes: [node("a", { unschedulable: true })],
      pending: [pod("p", { tolerations: [{ operator: "Exists" }] })],
    },
    "p>a",
  ],
  [
    "heeds nodeSelector and affinity, by labels and by name",
    {
      nodes: [node("a", { labels: { disk: "ssd" } }), node("b")],
      pending: [
        pod("byLabel", { constraints: { labels: { disk: "ssd" } } }),
        pod("byName", {
          constraints: {
            labels: {},
            terms: [
              { labels: [], fields: [{ key: "metadata.name", operator: "In", values: ["b"] }] },
            ],
          },
        }),
        pod("nowhere", { constraints: { labels: {}, terms: [{ labels: [], fields: [] }] } }),
      ],
    },
    "byLabel>a | byName>b | nowhere: 0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
  ],
  [
    "gives a host port once per address and protocol",
    {
      nodes: [node("a")],
      bound: [on("a", pod("old", { ports: [port(80, "10.0.0.1")] }))],
      pending: [
        pod("p1", { ports: [port(80, "10.0.0.2")] }),
        pod("p2", { ports: [port(80)] }),
        pod("p3", { ports: [port(80, "", "UDP")] }),
      ],
    },
    "p1>a | p3>a | p2: 0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
  ],
  [
    "serves higher priority first, then who waits longer",
    {
      nodes: [node("a", { allocatable: amounts({ pods: 2 }) })],
      pending: [
        pod("late", { createdAt: "2026-01-01T00:00:02Z" }),
        pod("early", { createdAt: "2026-01-01T00:00:01Z" }),
        pod("urgent", { createdAt: "2026-01-01T00:00:03Z", priority: 5 }),
      ],
    },
    "urgent>a | early>a | late: 0/1 nodes are available: 1 Too many pods.",
  ],
  [
    "puts pods without an Application where most is left",
    {
      bound: [on("a", pod("x", needs(50))), on("b", pod("y", needs(10)))],
      pending: [pod("p")],
    },
    "p>c",
  ],
  [
    "holds maxPerNode, the own slot not counted",
    {
      nodes: [node("a"), node("b")],
      bound: [on("a", slot("0")), on("b", slot("1"))],
      pending: [
        slot("0", { constraints: { labels: { "kubernetes.io/hostname": "a" } } }),
        slot("2"),
      ],
      spreads: spread({ maxPerNode: 1 }),
    },
    "web-0>a | web-2: 0/2 nodes are available: 2 node(s) held as many slots of the Application as maxPerNode allows.",
  ],
  [
    "spreads over beacons before hosts",
    {
      nodes: [
        node("a1", { labels: { "lighthouse.dev/beacon": "A", "kubernetes.io/hostname": "a1" } }),
        node("a2", { labels: { "lighthouse.dev/beacon": "A", "kubernetes.io/hostname": "a2" } }),
        node("b1", { labels: { "lighthouse.dev/beacon": "B", "kubernetes.io/hostname": "b1" } }),
      ],
      pending: ["0", "1", "2", "3"].map((id) => slot(id)),
      spreads: spread(),
    },
    "web-0>a1 | web-1>b1 | web-2>a2 | web-3>b1",
  ],
  [
    "lets the pods of one slot take turns: the new one needs only what it needs more",
    {
      nodes: [node("a")],
      bound: [on("a", slot("0", { ports: [port(80)], ...needs(80) }))],
      pending: [slot("0", { runs: false, ports: [port(80)], ...needs(90) }), slot("1", needs(20))],
    },
    "web-0>a | web-1: 0/1 nodes are available: 1 Insufficient memory.",
  ],
  [
    "needs no room for what the new pod replaces: a full Node can be updated, its host port too",
    {
      nodes: [node("a")],
      bound: [on("a", slot("0", { ports: [port(80)], ...needs(100) }))],
      pending: [slot("0", { name: "new", replaces: "web-0", ports: [port(80)], ...needs(100) })],
    },
    "new>a",
  ],
  [
    "counts both pods of a slot that may run side by side",
    {
      nodes: [node("a")],
      bound: [on("a", slot("0", needs(60)))],
      pending: [slot("0", { name: "new", ...needs(60) })],
    },
    "new: 0/1 nodes are available: 1 Insufficient memory.",
  ],
  [
    "keeps a slot at home, and moves it where there is room",
    {
      bound: [on("b", slot("0", needs(40))), on("c", slot("1", needs(60)))],
      pending: [
        slot("0", { name: "new0", ...needs(40) }),
        slot("1", { name: "new1", ...needs(60) }),
      ],
      spreads: spread(),
    },
    "new0>b | new1>a",
  ],
  [
    "forgets pods on Nodes that are gone",
    { nodes: [node("a")], bound: [on("gone", slot("0"))], pending: [slot("1")], spreads: spread() },
    "web-1>a",
  ],
  [
    "counts both pods of a slot that run at once",
    {
      nodes: [node("a")],
      bound: [on("a", slot("0", needs(40))), on("a", slot("0", needs(40)))],
      pending: [pod("p", needs(30))],
    },
    "p: 0/1 nodes are available: 1 Insufficient memory.",
  ],
])("planScheduling() %s", (_why, over, want) => {
  expect(shown(over)).toBe(want);
});

const anyPod = record({
  memory: integer({ min: 0, max: 60 }),
  cpu: integer({ min: 0, max: 3 }),
  ports: array(constantFrom(80, 81), { maxLength: 1 }),
  slot: option(constantFrom("0", "1", "2", "3")),
  runs: boolean(),
  node: option(constantFrom("a", "b", "c")),
});
const world = record({
  pods: array(anyPod, { maxLength: 25 }),
  memory: array(integer({ min: 0, max: 150 }), { minLength: 3, maxLength: 3 }),
  ready: array(boolean(), { minLength: 3, maxLength: 3 }),
  maxPerNode: integer({ min: 0, max: 2 }),
}).map(({ pods, memory, ready, maxPerNode }): Seen => {
  const made = pods.map((one, index): PodSeen => ({
    ...(one.slot === null ? pod(`p${index}`) : slot(one.slot)),
    name: `p${index}`,
    runs: one.runs,
    requests: amounts({ memory: one.memory, cpu: one.cpu, pods: 1 }),
    ports: one.ports.map((number) => port(number)),
    ...(one.node === null ? {} : { node: one.node }),
  }));
  return {
    nodes: ["a", "b", "c"].map((name, index) =>
      node(name, {
        ready: ready[index] ?? true,
        allocatable: amounts({ memory: memory[index] ?? 0, cpu: 6, pods: 8 }),
      }),
    ),
    // What is bound already may be too much: allocatable can shrink below it.
    bound: made.flatMap((one) => (one.node === undefined ? [] : [{ ...one, node: one.node }])),
    pending: made.filter((one) => one.node === undefined),
    spreads: spread({ maxPerNode }),
  };
});

const sum = (values: readonly bigint[]): bigint => values.reduce((all, one) => all + one, 0n);

/** What a Node's pods need, computed anew from the definition of groups. */
function need(pods: readonly PodSeen[], resource: string): bigint {
  const ofPod = ({ requests }: PodSeen): bigint => requests.get(resource) ?? 0n;
  return sum(
    Array.from(Map.groupBy(pods, ({ group }) => group).values(), (members) => {
      const running = sum(members.filter(({ runs }) => runs).map(ofPod));
      const most = members.map(ofPod).reduce((one, other) => (one > other ? one : other), 0n);
      return running > most ? running : most;
    }),
  );
}

test("planScheduling() never asks more of a Node than it can give", () => {
  const sound = property(world, (world) => {
    const { bindings } = planScheduling(world);
    for (const { name, allocatable, ready } of world.nodes) {
      const before = world.bound.filter((one) => one.node === name);
      const added = bindings.filter((one) => one.node === name).map(({ pod }) => pod);
      expect(added.length === 0 || ready).toBe(true);
      for (const resource of ["cpu", "memory", "pods"]) {
        const [old, now] = [need(before, resource), need([...before, ...added], resource)];
        const limit = allocatable.get(resource) ?? 0n;
        expect(now <= (old > limit ? old : limit)).toBe(true);
      }
      const taken = new Map<number, string>();
      for (const one of [...before, ...added]) {
        const clash = one.ports.some(({ port }) => (taken.get(port) ?? one.group) !== one.group);
        expect(clash && added.includes(one)).toBe(false);
        for (const { port } of one.ports) taken.set(port, one.group);
      }
    }
  });
  assert(sound, { numRuns: 500 });
});

test("planScheduling() decides every pending pod once, whatever the order it sees them in", () => {
  const settled = property(world, (world) => {
    const { bindings, refusals } = planScheduling(world);
    const decided = [...bindings, ...refusals].map(({ pod }) => pod.uid);
    expect(decided.toSorted()).toEqual(world.pending.map(({ uid }) => uid).toSorted());
    const shuffled = {
      ...world,
      nodes: world.nodes.toReversed(),
      bound: world.bound.toReversed(),
      pending: world.pending.toReversed(),
    };
    expect(planScheduling(shuffled)).toEqual({ bindings, refusals });
  });
  assert(settled, { numRuns: 200 });
});

test("planScheduling() leaves nothing to place once its bindings are done", () => {
  const done = property(world, (world) => {
    const { bindings, refusals } = planScheduling(world);
    const bound = [...world.bound, ...bindings.map(({ pod, node }) => ({ ...pod, node }))];
    const next = planScheduling({ ...world, bound, pending: refusals.map(({ pod }) => pod) });
    expect(next.bindings).toEqual([]);
  });
  assert(done, { numRuns: 200 });
});
