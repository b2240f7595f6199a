import { readFile, rm, writeFile } from "node:fs/promises";
import type { Clock } from "../../machinery/clock.ts";
import { isConflict } from "../../machinery/errors.ts";
import { formatTime } from "../../machinery/time.ts";
import { encodeObject, type Item } from "../../store/item.ts";
import { textIn } from "../kinds/fill.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import { keyOf, prefixOf } from "./collections.ts";
import { isSecret, newSecret, secretDigest } from "./session-token.ts";

/** How long a link is good for, in milliseconds. */
export const setupLinkMs = 24 * 3_600_000;

/** What a link is worth: `open` once for whoever has it, `wrong` for others, `closed` for all. */
export type SetupVerdict =
  | { readonly is: "open"; readonly item: Item }
  | { readonly is: "wrong" }
  | { readonly is: "closed" };

/** The one way to the first User: a secret that is shown at the first start. */
export interface SetupLink {
  /** Makes a link if nobody could log in yet; `undefined` when there are Users, or another server has
   * shown one. Its secret, behind the `#`, is the same after a restart. */
  offer(file: SetupFile): Promise<string | undefined>;
  /** Whether there is a link at all. */
  isOpen(): Promise<boolean>;
  judge(secret: string): Promise<SetupVerdict>;
  /** Uses the link up: of two who come at once, one does. */
  useUp(item: Item): Promise<boolean>;
}

/** Where a link outlives the process, readable for its owner alone. */
export type SetupFile = {
  readonly path: string;
  /** URL of the page that the link opens. */
  readonly page: string;
  /** Other servers have the same store: their link is left alone. */
  readonly shared: boolean;
};

/** What the link is made of. */
export type SetupLinkOptions = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
};

async function readSecret(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim().replace(/^.*#/, "");
  } catch {
    return ""; // none was written, or nobody may read it: then there will be a new one
  }
}

async function writeLink({ path, page }: SetupFile, secret: string): Promise<string> {
  const link = `${page}#${secret}`;
  await rm(path, { force: true }); // a file that is there would keep its mode
  await writeFile(path, `${link}\n`, { mode: 0o600, flag: "wx" });
  return link;
}

function encodeLink(secret: string, nowMs: number): Buffer {
  const metadata = { name: "first-user", creationTimestamp: formatTime(nowMs) };
  const type = { apiVersion: "lighthouse.dev/v1", kind: "SetupLink", metadata };
  return encodeObject({ ...type, digest: secretDigest(secret), endsMs: nowMs + setupLinkMs });
}

/** Only the digest of the secret is stored. */
export function openSetupLink({ storage, clock }: SetupLinkOptions): SetupLink {
  const { store } = storage;
  let kept: string | undefined;
  const hasUsers = async (): Promise<boolean> => {
    const { entries } = await store.list({ prefix: prefixOf.users, limit: 1 });
    return entries.length > 0;
  };
  const isAlive = ({ object }: Item): boolean => Number(object["endsMs"]) > clock.nowMs();
  const current = async (): Promise<Item | undefined> => {
    const item = await readItem(storage, keyOf.setupLink);
    return item === undefined || !isAlive(item) || (await hasUsers()) ? undefined : item;
  };
  const make = async (file: SetupFile, before: Item | undefined): Promise<string | undefined> => {
    const secret = newSecret();
    try {
      await store.put(keyOf.setupLink, encodeLink(secret, clock.nowMs()), before?.at ?? 0);
    } catch (err) {
      if (!isConflict(err)) throw err;
      return undefined; // another server was faster, and shows its own
    }
    return writeLink(file, secret);
  };
  return {
    async offer(file) {
      const { path, shared } = file;
      kept = path;
      const item = await readItem(storage, keyOf.setupLink);
      if (await hasUsers()) {
        await rm(path, { force: true });
        return undefined;
      }
      const secret = await readSecret(path);
      const isOurs = item !== undefined && isSecret(secret, textIn(item.object, "digest"));
      if (item !== undefined && isAlive(item)) {
        if (isOurs) return writeLink(file, secret); // the address may be another one
        if (shared) return undefined;
      }
      return make(file, item);
    },
    isOpen: async () => (await current()) !== undefined,
    async judge(secret) {
      const item = await current();
      if (item === undefined) return { is: "closed" };
      const isOurs = isSecret(secret, textIn(item.object, "digest"));
      return isOurs ? { is: "open", item } : { is: "wrong" };
    },
    async useUp({ key, at }) {
      try {
        await store.delete(key, at);
      } catch (err) {
        if (!isConflict(err)) throw err;
        return false;
      }
      if (kept !== undefined) await rm(kept, { force: true });
      return true;
    },
  };
}
