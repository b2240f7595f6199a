import type { BenchHosts } from "./hosts.ts";
import type { RawEvent } from "./raw-engine.ts";

/** Counts what engines tell of some containers, without asking them: that would cost them time. */
export type Tally = AsyncDisposable & {
  /** Events of an action, of different containers; all, or those of an image. */
  count(action: string, image?: string): number;
  /** Resolves once there are so many. @throws Error when there are not in time */
  until(action: string, image: string, count: number, timeoutMs: number): Promise<void>;
  /** Begins anew. */
  clear(): void;
};

/** Follows the events of containers with a label `KEY=VALUE`, and all pulls, on all hosts. */
export async function followTally({ hosts }: BenchHosts, label: string): Promise<Tally> {
  const [key = "", value = ""] = label.split("=");
  const end = new AbortController();
  /** By action and image. */
  const seen = new Map<string, Set<string>>();
  const waiting = new Set<() => void>();
  const note = ({ Action, Actor: { ID, Attributes } }: RawEvent): void => {
    if (Action !== "pull" && Attributes[key] !== value) return;
    const image = (Attributes["image"] ?? "").replace(/@sha256:.*$/, "");
    for (const id of [Action, `${Action} ${image}`]) {
      const ids = seen.get(id) ?? new Set<string>();
      seen.set(id, ids.add(ID));
    }
    for (const look of waiting) look();
  };
  await Promise.all(hosts.map(({ engine }) => engine.follow(note, end.signal)));
  const count = (action: string, image?: string): number =>
    seen.get(image === undefined ? action : `${action} ${image}`)?.size ?? 0;
  return {
    count,
    clear: () => seen.clear(),
    async until(action, image, wanted, timeoutMs) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const look = (): void => {
        if (count(action, image) >= wanted) resolve();
      };
      const late = (): void => {
        const found = `${count(action, image)} of ${wanted} ${action} ${image}`;
        reject(new Error(`Only ${found} after ${timeoutMs / 1_000} s`));
      };
      const timer = setTimeout(late, timeoutMs);
      waiting.add(look);
      look();
      try {
        await promise;
      } finally {
        clearTimeout(timer);
        waiting.delete(look);
      }
    },
    async [Symbol.asyncDispose]() {
      end.abort();
    },
  };
}
