import { Readable } from "node:stream";
import type { App } from "../http.ts";
import { lostRight } from "../live-requests.ts";
import { backupPath } from "./backup-path.ts";
import { type BackupSource, takeBackup } from "./take-backup.ts";

/** What the answer is: records of `api/backup/records.ts`, not encrypted but by the connection. */
const mediaType = "application/vnd.lighthouse.backup";

/** Serves `GET /backup`. */
export function serveBackup(app: App, source: BackupSource): void {
  app.get(backupPath, (request, reply) => {
    const stop = new AbortController();
    reply.raw.once("close", () => stop.abort());
    const ending = request.ending();
    ending.addEventListener(
      "abort",
      () => {
        const lost = lostRight(ending); // a server that stops lets it come to its end
        if (lost !== undefined) stop.abort(lost);
      },
      { once: true },
    );
    const records = takeBackup(source, stop.signal);
    // As bytes: a slow reader makes the reading of the store wait, with little in memory.
    const stream = Readable.from(records, { objectMode: false, highWaterMark: 512 << 10 });
    return reply.header("cache-control", "no-store").type(mediaType).send(stream);
  });
}
