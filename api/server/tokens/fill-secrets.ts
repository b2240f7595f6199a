import { isConflict } from "../../machinery/errors.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Item, ItemEvent } from "../../store/item.ts";
import { collectionPrefix, storeKey } from "../../store/keys.ts";
import { objectIn, textIn } from "../kinds/fill.ts";
import { changeItem, type Next, readItem, type Storage, write } from "../objects/storage.ts";
import type { AccountTokens } from "./account-tokens.ts";

/** The type of a Secret that holds a token without an end. */
const tokenType = "kubernetes.io/service-account-token";
const nameAnnotation = "kubernetes.io/service-account.name";
const uidAnnotation = "kubernetes.io/service-account.uid";

const secrets = collectionPrefix({ group: "", plural: "secrets" });
const accounts = collectionPrefix({ group: "", plural: "serviceaccounts" });

/** What filling Secrets needs. */
export type SecretFillerOptions = {
  readonly storage: Storage;
  readonly tokens: AccountTokens;
  /** Certificates of the server's authority as they are now, PEM. */
  readonly authority: () => string;
  readonly onError: (err: unknown) => void;
};

const isTokenSecret = ({ object }: Item): boolean => textIn(object, "type") === tokenType;

const accountNameOf = ({ metadata }: AnyObject): string =>
  metadata.annotations?.[nameAnnotation] ?? "";

async function accountOf({ storage }: SecretFillerOptions, secret: AnyObject) {
  const { namespace = "" } = secret.metadata;
  const name = accountNameOf(secret);
  if (name === "") return undefined;
  const key = storeKey({ group: "", plural: "serviceaccounts" }, { namespace, name });
  return (await readItem(storage, key))?.object;
}

const encoded = (text: string): string => Buffer.from(text).toString("base64");

/** The Secret as it ought to be: filled, or gone with its account. */
async function nextState(options: SecretFillerOptions, current: Item): Promise<Next> {
  const { object } = current;
  const { name, namespace = "", uid, annotations } = object.metadata;
  const account = await accountOf(options, object);
  const known = annotations?.[uidAnnotation];
  const orphaned = account === undefined || (known !== undefined && known !== account.metadata.uid);
  if (orphaned) return write("delete", object);
  const data = objectIn(object, "data") ?? {};
  const authority = encoded(options.authority());
  if (textIn(data, "token") !== "" && known !== undefined) {
    if (textIn(data, "ca.crt") === authority) return { does: "keep", item: current };
    return write("put", { ...object, data: { ...data, "ca.crt": authority } });
  }
  const token = await options.tokens.sign({
    claims: {
      namespace,
      account: { name: account.metadata.name, uid: account.metadata.uid },
      secret: { name, uid },
    },
    audiences: [options.tokens.issuer],
  });
  const filled = {
    ...data,
    token: encoded(token),
    "ca.crt": authority,
    namespace: encoded(namespace),
  };
  const annotated = { ...annotations, [uidAnnotation]: account.metadata.uid };
  const metadata = { ...object.metadata, annotations: annotated };
  return write("put", { ...object, metadata, data: filled });
}

/** After so many failures only another change of the Secret or its account tries again. */
const maxRetries = 60;
const retryMs = 5_000;

async function fillOne(options: SecretFillerOptions, key: string, retries = 0): Promise<void> {
  try {
    const decide = (current: Item | undefined): Next | Promise<Next> => {
      if (current === undefined || !isTokenSecret(current)) throw nothingToDo;
      return nextState(options, current);
    };
    await changeItem(options.storage, key, decide, { dryRun: false });
  } catch (err) {
    if (err === nothingToDo || isConflict(err)) return;
    options.onError(err);
    if (retries === maxRetries) return;
    setTimeout(() => void fillOne(options, key, retries + 1), retryMs).unref();
  }
}

const nothingToDo = new Error("The Secret holds no token");

/** Fills Secrets for as long as the cache is open. */
export type SecretFiller = {
  /** Looks at all of them, since the authority has changed. */
  readonly refill: () => void;
};

/**
 * Fills Secrets of the type `kubernetes.io/service-account-token` with a token of the account that
 * their annotation names, and removes them with it. Goes on for as long as the cache is open.
 * @see https://kubernetes.io/docs/concepts/configuration/secret/#serviceaccount-token-secrets
 */
export function fillTokenSecrets(options: SecretFillerOptions): SecretFiller {
  const { cache } = options.storage;
  const tend = (items: readonly Item[]): void => {
    // It never rejects: failures are told and tried again.
    for (const item of items.filter(isTokenSecret)) void fillOne(options, item.key);
  };
  const changed = (events: readonly ItemEvent[]): readonly Item[] =>
    events.filter(({ type }) => type !== "DELETED").map(({ item }) => item);
  const accountsGone = (events: readonly ItemEvent[]): void => {
    const gone = events.filter(({ type }) => type === "DELETED").map(({ item }) => item.object);
    for (const { metadata } of gone) {
      const { name, namespace = "" } = metadata;
      const own = cache.list(collectionPrefix({ group: "", plural: "secrets" }, namespace));
      tend(own.filter(({ object }) => accountNameOf(object) === name));
    }
  };
  const follow = (prefix: string, onEvents: (events: readonly ItemEvent[]) => void): void => {
    const onReset = (): void => queueMicrotask(() => follow(prefix, onEvents));
    cache.subscribe(prefix, cache.revision, { onEvents, onReset });
    tend(cache.list(secrets));
  };
  follow(secrets, (events) => tend(changed(events)));
  follow(accounts, accountsGone);
  return { refill: () => tend(cache.list(secrets)) };
}
