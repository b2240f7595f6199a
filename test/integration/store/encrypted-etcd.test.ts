import { afterAll, beforeAll, describe } from "vitest";
import { encryptedStore } from "../../../api/store/encryption/encrypted-store.ts";
import { newEncryptionKey } from "../../../api/store/encryption/key-ring.ts";
import { openStore } from "../../../api/store/open.ts";
import type { Store } from "../../../api/store/store.ts";
import { storeConformance } from "../../conformance/store.ts";
import { type EtcdServer, startEtcd } from "../../kit/etcd.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";

const key = newEncryptionKey(0);
const ring = { keys: [key], writing: key.id, prefixes: ["/"] };

/** Closed as one: the conformance suite owns what it opens. */
async function openEncrypted(url: string): Promise<Store> {
  const store = await openStore(url);
  const encrypted = encryptedStore(store, { ring: () => ring });
  return new Proxy<Store>(encrypted, {
    get: (_target, name) => {
      const from: Store = name === Symbol.asyncDispose ? store : encrypted;
      const member: unknown = Reflect.get(from, name);
      return typeof member === "function" ? member.bind(from) : member;
    },
  });
}

describe.skipIf(skipReason("the etcd store", missingProgram("etcd")))("with a real etcd", () => {
  let etcd: EtcdServer | undefined;
  let used = 0;
  beforeAll(async () => {
    etcd = await startEtcd();
  });
  afterAll(async () => {
    await etcd?.[Symbol.asyncDispose]();
  });

  storeConformance(
    "encrypted etcd",
    async () => {
      const url = `etcd://${etcd?.host ?? ""}/test-${used++}`;
      return { open: () => openEncrypted(url), remove: async () => {} };
    },
    { durable: true, dense: false },
  );
});
