import { collectionPrefix, parseStoreKey } from "../../api/store/keys.ts";
import type { Store, StoreEvent } from "../../api/store/store.ts";
import { eventually } from "../kit/eventually.ts";
import type { Change, Version } from "./history.ts";
import { label, namespace } from "./load.ts";

const configMaps = { group: "", plural: "configmaps" };

/** What the store commits while it is witnessed, read past the API servers. */
export type Witness = AsyncDisposable & {
  readonly changes: readonly Change[];
  /** Version of the last change. */
  last(): Version;
  /** Waits until everything that is committed was seen. */
  catchUp(): Promise<void>;
};

/** Whose objects, and from when. */
export type Watchfulness = {
  /** Name of the run. */
  readonly run: string;
  /** Revision of the store; absent: from now on. */
  readonly since?: number;
  /** How many versions of the API are in one revision of the store. Default 1. */
  readonly scale?: number;
};

/** Witnesses the objects of one run. */
export async function openWitness(
  store: Store,
  { run, since: from, scale = 1 }: Watchfulness,
): Promise<Witness> {
  const since = from ?? (await store.head()).revision;
  const changes: Change[] = [];
  const stop = new AbortController();
  let seen = since;
  let failure: unknown;
  const follow = async (): Promise<void> => {
    for await (const batch of store.watch(
      collectionPrefix(configMaps, namespace),
      since,
      stop.signal,
    )) {
      changes.push(...batch.events.flatMap((event) => changeOf(event, run, scale)));
      seen = batch.revision;
    }
  };
  const following = follow().catch((err: unknown) => {
    failure = err;
  });
  return {
    changes,
    last: () => changes.at(-1)?.at ?? since * scale,
    async catchUp() {
      const { revision } = await eventually("the store answers", () => store.head(), {
        timeoutMs: 30_000,
      });
      await eventually(
        `the witness is at ${revision}`,
        () => {
          if (failure !== undefined) throw new Error("The witness ended", { cause: failure });
          return seen >= revision;
        },
        { timeoutMs: 30_000 },
      );
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following;
    },
  };
}

function changeOf(event: StoreEvent, run: string, scale: number): readonly Change[] {
  const name = parseStoreKey(event.key)?.key.name ?? "";
  const { metadata, data } = JSON.parse(Buffer.from(event.value).toString()) as {
    readonly metadata: { readonly labels?: Readonly<Record<string, string>> };
    readonly data?: { readonly value?: string };
  };
  if (metadata.labels?.[label] !== run) return [];
  const put = event.previous === undefined ? "ADDED" : "MODIFIED";
  const type = event.type === "delete" ? "DELETED" : put;
  return [{ type, name, value: data?.value ?? "", at: event.at * scale }];
}
