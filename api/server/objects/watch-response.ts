import type { Reply, Request } from "../http.ts";
import { lostRight } from "../live-requests.ts";
import type { WatchSink } from "./fan-out.ts";
import type { OpenWatch } from "./watch.ts";

type Io = { readonly request: Request; readonly reply: Reply };
type Raw = Reply["raw"];

/** Streams a watch; returns when it has ended. Headers go out at once: clients wait for them. */
export async function sendWatch({ request, reply }: Io, watch: OpenWatch): Promise<void> {
  reply.hijack();
  const { raw } = reply;
  const stop = new AbortController();
  const ending = request.ending();
  const end = (): void => stop.abort(lostRight(ending));
  raw.on("close", end);
  raw.on("error", end); // the connection broke: "close" follows
  ending.addEventListener("abort", end, { once: true });
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "application/json",
    "cache-control": "no-cache, private",
  });
  raw.flushHeaders();
  if (ending.aborted) end();
  await watch.run(sinkOf(raw), stop);
}

const isOpen = (raw: Raw): boolean => !raw.writableEnded && !raw.destroyed;

function sinkOf(raw: Raw): WatchSink {
  let unwritten = 0;
  let wake: (() => void) | undefined;
  raw.on("close", () => wake?.());
  // By the callbacks of writes: not every kind of response tells of a drain.
  const written = (): void => {
    unwritten -= 1;
    if (unwritten === 0) wake?.();
  };
  return {
    write(lines) {
      if (!isOpen(raw)) return;
      unwritten += 1;
      raw.write(lines, "latin1", written); // bytes: the encoding means nothing
    },
    get backlogBytes() {
      return raw.destroyed ? 0 : raw.writableLength;
    },
    async drained() {
      if (!isOpen(raw) || unwritten === 0) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    end() {
      if (isOpen(raw)) raw.end();
    },
    cut() {
      raw.destroy();
    },
  };
}
