import { Readable } from "node:stream";
import Fastify from "fastify";
import { expect, test } from "vitest";
import { decodeRecords } from "../../backup/records.ts";
import { memoryStore } from "../../store/memory.ts";
import { StatusError } from "../../machinery/errors.ts";
import type { App } from "../http.ts";
import { backupPath } from "./backup-path.ts";
import { serveBackup } from "./serve-backup.ts";
import type { BackupSource } from "./take-backup.ts";

/** How many records come of a backup of 250 objects when this happens after its first page. */
async function backupUntil(reason: Error): Promise<number> {
  await using store = memoryStore();
  const value = Buffer.from(JSON.stringify({ metadata: {}, data: { key: "a secret" } }));
  for (let at = 0; at < 250; at += 1) await store.put(`/registry/core/secrets/a/${at}`, value, 0);
  const ending = new AbortController();
  const source: BackupSource = {
    store: {
      get: (key) => store.get(key),
      async list(range) {
        if (range.after !== undefined) ending.abort(reason);
        return store.list(range);
      },
    },
    shared: false,
    files: async () => [],
    settings: {},
    version: "0.1.0",
    nowMs: () => 0,
  };
  await using app: App = Fastify();
  app.decorateRequest("ending", () => ending.signal);
  serveBackup(app, source);
  const { rawPayload } = await app.inject(backupPath);
  let records = 0;
  for await (const record of decodeRecords(Readable.from([rawPayload]))) {
    if (record.type === "failure") throw new Error(`${records} records: ${record.message}`);
    records += 1;
  }
  return records;
}

test("who may not take a backup any more gets no more of it, and is told", async () => {
  const lost = new StatusError("Forbidden", "backups are not for ann any more");
  await expect(backupUntil(lost)).rejects.toThrow(
    /^2\d\d records: backups are not for ann any more$/,
  );
});

test("a server that stops lets a backup come to its end", async () => {
  expect(await backupUntil(new Error("the server stops"))).toBeGreaterThan(250);
});
