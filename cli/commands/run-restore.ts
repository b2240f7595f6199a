import { createReadStream } from "node:fs";
import { openBackup } from "../../api/backup/backup-file.ts";
import type { BackupRecord } from "../../api/backup/records.ts";
import { restoreBackup } from "../../api/server/backup/restore.ts";
import { beginRestore } from "../../api/store/restoring.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { progressOn } from "../backup/progress.ts";
import { openerOf } from "../backup/secrets.ts";
import { Misuse, type Run } from "../command.ts";
import { openRunEncryption } from "./run-encryption.ts";
import { openLog } from "./run-log.ts";
import { dataDirOf, storeUrlOf } from "./run-parts.ts";

/** `lighthouse restore FILE`. */
export const runRestore: Run = async (call) => {
  const [path, ...more] = call.args;
  if (path === undefined || more.length > 0) throw new Misuse("Name one backup");
  const dataDir = dataDirOf(call.flags, call.io.env);
  const storeUrl = storeUrlOf(call.flags, dataDir);
  const opener = await openerOf(call, true);
  if (opener === undefined) throw new Misuse("Say what opens the backup");
  const log = openLog(call.flags, "warn");
  const progress = progressOn(call.io);
  async function* read(): AsyncGenerator<BackupRecord, void, undefined> {
    const opened = await openBackup(createReadStream(path ?? ""));
    for await (const record of opened.records(opener ?? { type: "passphrase", passphrase: "" })) {
      call.signal.throwIfAborted();
      yield record;
    }
  }
  const { about, entries, leftOut } = await restoreBackup({
    read,
    dataDir,
    begin: (seen) => beginRestore(storeUrl, seen),
    async encrypted(store) {
      const encryption = await openRunEncryption(call, { store, storeUrl, dataDir, log });
      if (encryption === undefined) throw new Misuse("There is no store to restore into");
      return encryption;
    },
    nowMs: systemClock.nowMs(),
    onProgress: (does, count) => progress.tell(`${does} ${count} objects`),
  });
  progress.end();
  const dropped = Object.entries(leftOut).map(([what, count]) => `${count} ${what}`);
  call.io.out(
    `Restored ${entries} objects of ${about.created} into ${dataDir}` +
      `${dropped.length === 0 ? "" : `; left out ${dropped.join(", ")}`}\n` +
      "Start the server as before. Containers of Pods that the backup does not know are left running\n" +
      'until you have looked: then take the hold off with "lighthouse restore release"\n',
  );
  return 0;
};
