import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { storeConformance } from "../../test/conformance/store.ts";
import { openLmdbStore } from "./lmdb.ts";

storeConformance(
  "lmdb",
  async () => {
    const dir = await mkdtemp(join(tmpdir(), "lighthouse-lmdb-"));
    return {
      open: () => openLmdbStore(dir),
      remove: () => rm(dir, { recursive: true, force: true }),
    };
  },
  { durable: true, dense: true },
);
