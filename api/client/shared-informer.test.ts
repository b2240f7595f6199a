import { expect, onTestFinished, test } from "vitest";
import { manualClock, settle } from "../../test/kit/clock.ts";
import { expired, unavailable } from "../machinery/errors.ts";
import type { KubeObject } from "../machinery/object.ts";
import type { Resource } from "../machinery/resources.ts";
import type { Client, WatchFrame } from "./client.ts";
import { createInformer, type SharedInformer } from "./shared-informer.ts";

const type: Resource<KubeObject> = {
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  namespaced: true,
};
const object = (name: string, resourceVersion: string): KubeObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, uid: name, resourceVersion, creationTimestamp: "" },
});

/** One watch that the test feeds. */
class Stream {
  readonly #frames: WatchFrame<KubeObject>[] = [];
  #end: { readonly err?: Error } | undefined;
  #wake = (): void => undefined;
  readonly from: string;
  constructor(from: string) {
    this.from = from;
  }
  send(...frames: WatchFrame<KubeObject>[]): void {
    this.#frames.push(...frames);
    this.#wake();
  }
  close(err?: Error): void {
    this.#end = err === undefined ? {} : { err };
    this.#wake();
  }
  async *read(signal: AbortSignal): AsyncGenerator<WatchFrame<KubeObject>> {
    signal.addEventListener("abort", () => this.close());
    for (;;) {
      const frame = this.#frames.shift();
      if (frame !== undefined) yield frame;
      else if (this.#end?.err !== undefined) throw this.#end.err;
      else if (this.#end !== undefined) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

function setup(items: readonly KubeObject[]) {
  const clock = manualClock();
  const streams: Stream[] = [];
  const logged: string[] = [];
  const lists: (() => Promise<readonly KubeObject[]>)[] = [];
  const client = {
    async list(_type: unknown, _options: unknown, signal: AbortSignal) {
      const answer = await (lists.shift() ?? (async () => items))();
      signal.throwIfAborted();
      return { items: answer, resourceVersion: "10" };
    },
    watch(_type: unknown, options: { readonly resourceVersion: string }, signal: AbortSignal) {
      const stream = new Stream(options.resourceVersion);
      streams.push(stream);
      return stream.read(signal);
    },
  } as unknown as Pick<Client, "list" | "watch">;
  const record = (_fields: object, message: string): void => void logged.push(message);
  const log = { warn: record, error: record };
  const informer = createInformer({ client, type, clock, log, random: () => 0 });
  const controller = new AbortController();
  const changes = toldTo(informer);
  const start = (): Promise<void> => {
    const running = informer.run(controller.signal);
    onTestFinished(async () => {
      controller.abort();
      await running;
    });
    return running;
  };
  return { clock, streams, logged, lists, informer, controller, changes, start };
}

function toldTo(informer: SharedInformer<KubeObject>): string[] {
  const changes: string[] = [];
  informer.onChange((change) => {
    const { metadata } = change.type === "deleted" ? change.before : change.after;
    changes.push(`${change.type} ${metadata.name}@${metadata.resourceVersion}`);
  });
  return changes;
}

test("informer lists, syncs, then follows the watch", async () => {
  const it = setup([object("a", "1")]);
  void it.start();
  await it.informer.synced;
  await settle();
  it.streams[0]?.send(
    { type: "ADDED", object: object("b", "11") },
    { type: "MODIFIED", object: object("a", "12") },
    { type: "DELETED", object: object("b", "13") },
  );
  await settle();
  expect(it.changes).toEqual(["added a@1", "added b@11", "updated a@12", "deleted b@11"]);
  expect(it.informer.cache.list()).toHaveLength(1);
});

test("informer resumes a quiet close at once and from the last position", async () => {
  const it = setup([]);
  void it.start();
  await settle();
  it.streams[0]?.send({ type: "BOOKMARK", resourceVersion: "42" });
  await settle();
  it.streams[0]?.close();
  await settle();
  expect(it.streams.map(({ from }) => from)).toEqual(["10", "42"]);
  expect(it.clock.sleepers).toBe(0);
  expect(it.logged).toEqual([]);
});

test("informer backs off from errors and keeps its position", async () => {
  const it = setup([]);
  void it.start();
  for (const [index, waitMs] of [100, 200, 400].entries()) {
    await settle();
    it.streams[index]?.close(unavailable("gone"));
    await settle();
    await it.clock.advance(waitMs - 1);
    expect(it.streams).toHaveLength(index + 1);
    await it.clock.advance(1);
  }
  expect(it.streams.map(({ from }) => from)).toEqual(["10", "10", "10", "10"]);
  expect(it.logged).toEqual(["lost the watch", "lost the watch", "lost the watch"]);
});

test("informer swaps the cache when its position expired", async () => {
  const it = setup([object("a", "1"), object("b", "2")]);
  void it.start();
  await settle();
  it.lists.push(async () => [object("b", "2"), object("c", "30")]);
  it.streams[0]?.close(expired("too old"));
  await settle();
  expect(it.changes.slice(2)).toEqual(["deleted a@1", "added c@30"]);
  expect(it.logged).toEqual([]);
});

test("informer isolates a handler that throws", async () => {
  const it = setup([object("a", "1"), object("b", "2")]);
  it.informer.onChange(() => {
    throw new Error("broken handler");
  });
  const later = toldTo(it.informer);
  void it.start();
  await settle();
  expect(later).toEqual(["added a@1", "added b@2"]);
  expect(it.logged).toEqual(["handler of a change failed", "handler of a change failed"]);
  expect(it.streams).toHaveLength(1);
});

test("informer.run() ends when stopped during the first list, and opens no watch", async () => {
  const it = setup([]);
  const answer = Promise.withResolvers<readonly KubeObject[]>();
  it.lists.push(() => answer.promise);
  const running = it.start();
  await settle();
  it.controller.abort(new Error("stopped"));
  answer.resolve([]);
  await running;
  await expect(it.informer.synced).rejects.toThrow("stopped");
  expect(it.streams).toEqual([]);
});

test("informer retries a first list that fails", async () => {
  const it = setup([object("a", "1")]);
  it.lists.push(async () => {
    throw unavailable("starting");
  });
  void it.start();
  await it.clock.advance(100);
  await it.informer.synced;
  expect(it.changes).toEqual(["added a@1"]);
});
