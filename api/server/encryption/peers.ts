import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { z } from "zod";
import { isConflict } from "../../machinery/errors.ts";
import type { EncryptionPeer } from "../../machinery/encryption-status.ts";
import type { Revision, Store } from "../../store/store.ts";
import { serversPrefix } from "./record.ts";

const announcement = z.object({
  host: z.string(),
  keys: z.array(z.string()),
  writes: z.string(),
  beat: z.number(),
});

/** The servers of a shared store, as far as they say which keys they have. */
export interface Peers {
  /** Says what this server has; to be repeated every few seconds, or the others take it for gone. */
  announce(keys: readonly string[], writes: string): Promise<void>;
  /** All that live, this one included. */
  live(): Promise<readonly EncryptionPeer[]>;
  /** Takes this server's word back. */
  leave(): Promise<void>;
}

/** A server that was silent for so long is gone. Milliseconds. */
const goneMs = 60_000;
/** What did not change is said again after so long. Milliseconds. */
const againMs = 15_000;

/** Of a store that belongs to one process. */
export const noPeers: Peers = {
  announce: async () => {},
  live: async () => [],
  leave: async () => {},
};

/** `nowMs` is only compared with itself: the clocks of the servers need not agree. */
export function openPeers(store: Store, nowMs: () => number): Peers {
  const name = randomBytes(6).toString("hex");
  const own = serversPrefix + name;
  const seen = new Map<string, { readonly at: Revision; readonly sinceMs: number }>();
  let beat = 0;
  let said = { text: "", atMs: 0 };
  const remove = async (key: string, at: Revision): Promise<void> => {
    await store.delete(key, at).catch((err: unknown) => {
      if (!isConflict(err)) throw err; // it spoke, or somebody else was faster
    });
  };
  /** Whether an entry changed lately; one that was never seen before counts as if. */
  const isFresh = (key: string, at: Revision): boolean => {
    const before = seen.get(key);
    if (before?.at === at) return nowMs() - before.sinceMs < goneMs;
    seen.set(key, { at, sinceMs: nowMs() });
    return true;
  };
  return {
    async announce(keys, writes) {
      const text = [writes, ...keys].join();
      if (said.text === text && nowMs() - said.atMs < againMs) return;
      said = { text, atMs: nowMs() };
      beat += 1;
      const value = Buffer.from(JSON.stringify({ host: hostname(), keys, writes, beat }));
      await store.put(own, value, (await store.get(own))?.at ?? 0);
    },
    async live() {
      const { entries } = await store.list({ prefix: serversPrefix });
      const peers: EncryptionPeer[] = [];
      for (const { key, value, at } of entries) {
        if (!isFresh(key, at)) {
          await remove(key, at);
          continue;
        }
        const said = announcement.parse(JSON.parse(Buffer.from(value).toString()));
        peers.push({ name: key.slice(serversPrefix.length), ...said });
      }
      return peers;
    },
    async leave() {
      const entry = await store.get(own);
      if (entry !== undefined) await remove(own, entry.at);
    },
  };
}
