import { expect, test } from "vitest";
import { storeUrlOf } from "./run-parts.ts";

test.each([
  [{}, "lmdb:///data/store"],
  [{ store: "etcd://127.0.0.1:2379/x" }, "etcd://127.0.0.1:2379/x"],
  [{ store: "etcd://localhost,[::1]" }, "etcd://localhost,[::1]"],
  [{ store: "etcds://h1/x" }, "etcds://h1/x"],
  [{ store: "etcd://h1/x", "etcd-insecure": true }, "etcd://h1/x"],
  [
    { store: "etcd://h1/x", "etcd-cafile": "/ca", "etcd-certfile": "/c", "etcd-keyfile": "/k" },
    "etcd://h1/x?ca=%2Fca&cert=%2Fc&key=%2Fk",
  ],
  [
    { store: "etcds://h1?ca=/ca", "etcd-certfile": "/c", "etcd-keyfile": "/k" },
    "etcds://h1?ca=/ca&cert=%2Fc&key=%2Fk",
  ],
] as const)("storeUrlOf() makes of %j the URL %s", (flags, url) => {
  expect(storeUrlOf(flags, "/data")).toBe(url);
});

test.each([
  [
    "etcd elsewhere in the clear",
    { store: "etcd://127.0.0.1,h1" },
    "Cannot use etcd at h1:2379 without TLS",
  ],
  ["files for another store", { "etcd-cafile": "/ca" }, "--etcd-... needs a --store of etcd://"],
  [
    "half a client certificate",
    { store: "etcds://h1", "etcd-certfile": "/c" },
    "give both cert and key",
  ],
] as const)("storeUrlOf() refuses %s", (_what, flags, why) => {
  expect(() => storeUrlOf(flags, "/data")).toThrow(why);
});
