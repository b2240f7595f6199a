import { afterAll, beforeAll, describe } from "vitest";
import { openStore } from "../../../api/store/open.ts";
import { storeConformance } from "../../conformance/store.ts";
import { type EtcdServer, startEtcd } from "../../kit/etcd.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";

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
    "etcd",
    async () => {
      // A prefix of its own for each test; one etcd, whose revisions the tests share.
      const url = `etcd://${etcd?.host ?? ""}/test-${used++}`;
      return { open: () => openStore(url), remove: async () => {} };
    },
    { durable: true, dense: false },
  );
});
