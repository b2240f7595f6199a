import {
  array,
  assert,
  constantFrom,
  type Arbitrary,
  integer,
  oneof,
  property,
  record,
} from "fast-check";
import { expect, test } from "vitest";
import type { KubeObject } from "../machinery/object.ts";
import { createCache, type WritableCache } from "./cache.ts";
import type { WatchFrame } from "./client.ts";
import type { Change } from "./informer.ts";
import { type ReflectorInput, type ReflectorState, startListing, step } from "./reflector.ts";

type Frame = Extract<WatchFrame<KubeObject>, { object: KubeObject }>;

/** A server with one history: the truth that the cache must follow. */
class ModelServer {
  readonly live = new Map<string, KubeObject>();
  history: Frame[] = [];
  head = 1;
  floor = 1;

  put(name: string): void {
    this.head += 1;
    const before = this.live.get(name);
    const object: KubeObject = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        uid: before?.metadata.uid ?? `${name}@${this.head}`,
        resourceVersion: String(this.head),
        creationTimestamp: "",
      },
    };
    this.live.set(name, object);
    this.history.push({ type: before === undefined ? "ADDED" : "MODIFIED", object });
  }

  remove(name: string): void {
    const before = this.live.get(name);
    if (before === undefined) return;
    this.head += 1;
    this.live.delete(name);
    const metadata = { ...before.metadata, resourceVersion: String(this.head) };
    this.history.push({ type: "DELETED", object: { ...before, metadata } });
  }

  compact(): void {
    this.floor = this.head;
  }

  after(resourceVersion: string): readonly Frame[] {
    return this.history.filter((frame) => at(frame) > Number(resourceVersion));
  }
}

const at = (frame: Frame): number => Number(frame.object.metadata.resourceVersion);

/** Plays the shell: does what the state asks for, with the given mishap. */
class Shell {
  state: ReflectorState = startListing;
  readonly cache: WritableCache<KubeObject> = createCache();
  readonly changes: Change<KubeObject>[] = [];
  lists = 0;
  readonly server: ModelServer;
  constructor(server: ModelServer) {
    this.server = server;
  }

  input(input: ReflectorInput<KubeObject>): void {
    const [events, state] = step(this.state, input);
    this.state = state;
    for (const event of events) {
      if (event.type === "replace") this.changes.push(...this.cache.replace(event.objects));
      else if (event.type === "put") this.changes.push(...this.cache.put(event.object));
      else this.changes.push(...this.cache.remove({ name: event.object.metadata.name }));
    }
  }

  /** One call; at most `frames` frames of a watch, then `end`. */
  call(frames: number, end: "close" | "lose" | "refuse" | "list only"): void {
    const { server } = this;
    if (this.state.phase === "listing") {
      if (end === "lose") return this.input({ type: "failed", why: "lost" });
      if (end === "refuse") return this.input({ type: "failed", why: "refused" });
      this.lists += 1;
      const items = [...server.live.values()];
      return this.input({ type: "listed", list: { items, resourceVersion: String(server.head) } });
    }
    if (Number(this.state.resourceVersion) < server.floor) {
      return this.input({ type: "failed", why: "expired" });
    }
    const pending = server.after(this.state.resourceVersion);
    for (const frame of pending.slice(0, frames)) this.input({ type: "frame", frame });
    if (frames > pending.length) {
      const resourceVersion = String(server.head);
      this.input({ type: "frame", frame: { type: "BOOKMARK", resourceVersion } });
    }
    if (end === "close") this.input({ type: "closed", openMs: frames * 400 });
    if (end === "lose") this.input({ type: "failed", why: "lost" });
    if (end === "refuse") this.input({ type: "failed", why: "refused" });
  }
}

const names = ["a", "b", "c"];
type Move = (server: ModelServer, shell: Shell) => void;
const name = constantFrom(...names);
const serverMove: Arbitrary<Move> = oneof(
  name.map(
    (name): Move =>
      (server) =>
        server.put(name),
  ),
  name.map(
    (name): Move =>
      (server) =>
        server.remove(name),
  ),
);
type End = Parameters<Shell["call"]>[1];
const shellMove = (...ends: readonly End[]): Arbitrary<Move> =>
  record({ frames: integer({ min: 0, max: 4 }), end: constantFrom(...ends) }).map(
    ({ frames, end }): Move =>
      (_server, shell) =>
        shell.call(frames, end),
  );
const anyCall = shellMove("close", "lose", "refuse", "list only");
/** A refusal relists, and a relist may skip what came and went. */
const unrefusedCall = shellMove("close", "lose", "list only");
const compaction: Arbitrary<Move> = constantFrom<Move>((server) => server.compact());

/** What a change says was there before, and what is there after. */
const sides = (change: Change<KubeObject>): readonly (KubeObject | undefined)[] => [
  change.type === "added" ? undefined : change.before,
  change.type === "deleted" ? undefined : change.after,
];

/** Applies what handlers were told to an empty world, and checks that each report fits it. */
function replay(changes: readonly Change<KubeObject>[]): ReadonlyMap<string, KubeObject> {
  const world = new Map<string, KubeObject>();
  for (const change of changes) {
    const [before, after] = sides(change);
    const name = (before ?? after)?.metadata.name ?? "";
    expect(world.get(name)).toBe(before);
    expect(after?.metadata.resourceVersion).not.toBe(before?.metadata.resourceVersion);
    if (after === undefined) world.delete(name);
    else world.set(name, after);
  }
  return world;
}

const byName = (objects: Iterable<KubeObject>): readonly KubeObject[] =>
  [...objects].sort((one, two) => (one.metadata.name < two.metadata.name ? -1 : 1));

function play(moves: readonly Move[]): { readonly server: ModelServer; readonly shell: Shell } {
  const server = new ModelServer();
  const shell = new Shell(server);
  for (const move of moves) move(server, shell);
  for (let calls = 0; calls < 4; calls += 1) shell.call(1_000, "list only");
  return { server, shell };
}

test("step() makes the cache equal to the server whatever closes, fails or expires", () => {
  const moves = array(
    oneof({ weight: 4, arbitrary: serverMove }, { weight: 3, arbitrary: anyCall }, compaction),
    {
      maxLength: 60,
    },
  );
  assert(
    property(moves, (moves) => {
      const { server, shell } = play(moves);
      expect(byName(shell.cache.list())).toEqual(byName(server.live.values()));
      expect(byName(replay(shell.changes).values())).toEqual(byName(server.live.values()));
    }),
    { numRuns: 500 },
  );
});

test("step() neither loses nor doubles an event while the history lasts", () => {
  const moves = array(oneof(serverMove, unrefusedCall), { maxLength: 60 });
  assert(
    property(moves, (moves) => {
      const { server, shell } = play([(_server, shell) => shell.call(0, "list only"), ...moves]);
      expect(shell.lists).toBe(1);
      const seen = shell.changes.map((change) =>
        change.type === "deleted" ? "DELETED" : change.after.metadata.resourceVersion,
      );
      const want = server.history.map((frame) =>
        frame.type === "DELETED" ? "DELETED" : `${at(frame)}`,
      );
      expect(seen).toEqual(want);
    }),
    { numRuns: 500 },
  );
});

const watching: ReflectorState = { ...startListing, phase: "watching", resourceVersion: "5" };

test.each<[string, ReflectorState, ReflectorInput<KubeObject>, Partial<ReflectorState>]>([
  [
    "resumes a quiet close at once",
    watching,
    { type: "closed", openMs: 1_000 },
    { resourceVersion: "5", wait: false, failures: 0 },
  ],
  [
    "resumes a short watch at once if it brought something",
    { ...watching, heard: true },
    { type: "closed", openMs: 1 },
    { wait: false },
  ],
  [
    "backs off from a watch that closes at once without a frame",
    watching,
    { type: "closed", openMs: 1 },
    { wait: true, failures: 1, resourceVersion: "5" },
  ],
  [
    "relists at once when the position expired",
    watching,
    { type: "failed", why: "expired" },
    { phase: "listing", wait: false },
  ],
  [
    "backs off when relisting does not cure an expiry",
    { ...watching, failures: 1 },
    { type: "failed", why: "expired" },
    { phase: "listing", wait: true },
  ],
  [
    "keeps its position while the server is away",
    watching,
    { type: "failed", why: "lost" },
    { phase: "watching", resourceVersion: "5", wait: true },
  ],
  [
    "doubts its position when the server refuses it",
    watching,
    { type: "failed", why: "refused" },
    { phase: "listing", wait: true },
  ],
])("step() %s", (_why, before, input, want) => {
  expect(step(before, input)[1]).toMatchObject(want);
});
