import { EventEmitter } from "node:events";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { manualClock } from "../../test/kit/clock.ts";
import { memoryStore } from "../store/memory.ts";
import { openWatchCache } from "../store/watch-cache.ts";
import { openLivePki } from "./live-pki.ts";

test("finish() ends connections of the old root, whatever those do who are told", async () => {
  const directory = await mkdtemp(join(tmpdir(), "lighthouse-pki-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await using store = memoryStore();
  await using cache = await openWatchCache(store);
  const clock = manualClock(Date.now());
  const failures: object[] = [];
  const log = { info: () => {}, error: (fields: object) => void failures.push(fields) };
  const files = { directory, names: ["127.0.0.1"], beacon: "host" };
  const live = await openLivePki({ storage: { store, cache }, files, clock, log, spreadMs: 0 });
  const told: string[] = [];
  live.onChange(() => {
    throw new Error("a listener that cannot");
  });
  live.onChange(async () => Promise.reject(new Error("another one")));
  live.onChange(() => void told.push("last"));

  const listener = new EventEmitter();
  live.watch(listener);
  const certificate = new X509Certificate(live.current().admin.certificate);
  const socket = Object.assign(new EventEmitter(), {
    authorized: true,
    ended: false,
    getPeerX509Certificate: () => certificate,
    destroy: () => void (socket.ended = true),
  });
  listener.emit("secureConnection", socket);

  await live.rotate();
  const stop = new AbortController();
  const running = live.run(stop.signal);
  await expect.poll(() => live.record()?.phase).toBe("Issuing");
  expect(socket.ended).toBe(false);
  await live.finish();
  expect(socket.ended).toBe(true);
  expect(told.length).toBeGreaterThanOrEqual(2);
  expect(failures.length).toBe(2 * told.length);
  stop.abort();
  await running;
});
