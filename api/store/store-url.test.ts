import { expect, test } from "vitest";
import { parseStoreUrl } from "./store-url.ts";

test.each([
  ["memory:", { driver: "memory" }],
  ["memory://", { driver: "memory" }],
  ["lmdb:///var/lib/store", { driver: "lmdb", dir: "/var/lib/store" }],
  ["lmdb:/var/my%20store", { driver: "lmdb", dir: "/var/my store" }],
  ["lmdb:data", { driver: "lmdb", dir: `${process.cwd()}/data` }],
  ["etcd://127.0.0.1:2379", { driver: "etcd", hosts: ["127.0.0.1:2379"], prefix: "" }],
  ["etcd://h1,[::1]:99/a/b/", { driver: "etcd", hosts: ["h1:2379", "[::1]:99"], prefix: "/a/b" }],
  ["etcds://h1", { driver: "etcd", hosts: ["h1:2379"], prefix: "", tls: {} }],
  [
    "etcd://u%40:p@s:s%2F@h1/p?ca=/ca.pem&cert=c&key=k",
    {
      driver: "etcd",
      hosts: ["h1:2379"],
      prefix: "/p",
      tls: { ca: "/ca.pem", cert: "c", key: "k" },
      user: { name: "u@", password: "p@s:s/" },
    },
  ],
])("parseStoreUrl() reads %s", (url, want) => {
  expect(parseStoreUrl(url)).toEqual(want);
});

test.each([
  ["has no scheme", "/var/lib/store", "no scheme"],
  ["names an unknown driver", "redis://h1", 'scheme "redis": expected one of memory:'],
  ["gives memory a path", "memory:///x", "with a path"],
  ["names no directory", "lmdb://", "expected lmdb:///DIRECTORY"],
  ["names a host for a directory", "lmdb://host/x", "expected lmdb:///DIRECTORY"],
  ["has a bad port", "etcd://h1:x", 'etcd endpoint "h1:x"'],
  ["has no host", "etcd://", 'etcd endpoint ""'],
  ["has an unknown option", "etcd://h1?tls=1", 'option "tls": expected one of ca, cert, key'],
  ["has half a client certificate", "etcds://h1?cert=c", "give both cert and key"],
  ["has a user without password", "etcd://user@h1", "USER:PASSWORD@"],
])("parseStoreUrl() refuses a URL that %s", (_why, url, message) => {
  expect(() => parseStoreUrl(url)).toThrow(message);
});

test("parseStoreUrl() repeats no password", () => {
  for (const url of ["etcd://u:secret%@h1", "etcd://u:secret@h1:bad", "etcd://u:secret@h1?x=1"]) {
    expect(() => parseStoreUrl(url)).toThrow(/^(?!.*secret)/);
  }
});
