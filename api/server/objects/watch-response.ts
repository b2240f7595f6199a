import type { Reply } from "../http.ts";
import type { OpenWatch, WatchSink } from "./watch.ts";

/** Streams a watch; returns when it has ended. Headers go out at once: clients wait for them. */
export async function sendWatch(
  reply: Reply,
  watch: OpenWatch,
  stopping: AbortSignal,
): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  const gone = new AbortController();
  raw.on("close", () => gone.abort());
  raw.on("error", () => gone.abort()); // the connection broke: "close" follows
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "application/json",
    "cache-control": "no-cache, private",
  });
  raw.flushHeaders();
  const sink: WatchSink = {
    write(lines) {
      if (!raw.writableEnded && !raw.destroyed) raw.write(lines);
    },
    get backlogBytes() {
      return raw.writableLength;
    },
    end() {
      if (!raw.writableEnded) raw.end();
    },
    cut() {
      raw.destroy();
    },
  };
  await watch.run(sink, AbortSignal.any([gone.signal, stopping]));
}
