import { hash, timingSafeEqual } from "node:crypto";
import type { Clock } from "../../machinery/clock.ts";
import { labelValueProblems, qualifiedNameProblems } from "../../machinery/names.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { formatTime, parseTime } from "../../machinery/time.ts";
import { type Collection, storeKey } from "../../store/keys.ts";
import type { Authenticator } from "../access.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { changeItem, readItem, type Storage, write } from "../objects/storage.ts";
import { bearerToken } from "./token.ts";

/**
 * Tokens that agents join with: Secrets of the form of kubeadm, with values of ours beside.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens/
 */
export const bootstrapSecretType = "bootstrap.kubernetes.io/token";

/** The group of everybody who shows a bootstrap token. */
export const bootstrapGroup = "system:bootstrappers";

const namespace = "kube-system";
const secrets: Collection = { group: "", plural: "secrets" };
const pattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const userPrefix = "system:bootstrap:";

/** A used-up token may still ask what became of its last request for so long, in milliseconds. */
const graceMs = 600_000;
/** So many requests are remembered as counted. */
const maxRemembered = 100;

/** A token as its Secret tells. */
export type BootstrapToken = {
  readonly id: string;
  readonly secret: string;
  /** Milliseconds since the epoch; absent: it never ends. */
  readonly expiresMs?: number;
  readonly authenticates: boolean;
  /** Groups beside {@link bootstrapGroup}. */
  readonly groups: readonly string[];
  /** How many certificates it is good for; absent: any number. */
  readonly uses?: number;
  readonly used: number;
  /** uids of the requests that were counted, newest last. */
  readonly usedBy: readonly string[];
  /** When it was used last, in milliseconds since the epoch; 0 if never. */
  readonly lastUsedMs: number;
  /** The one beacon that it is for; empty: any that nobody else has. */
  readonly beacon: string;
  /** Labels for all Nodes of a beacon that joins with it. */
  readonly nodeLabels: Readonly<Record<string, string>>;
};

const decoded = (data: JsonObject, key: string): string =>
  Buffer.from(textIn(data, key), "base64").toString("utf8");

function labelsOf(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(",").map((pair) => pair.trim().split("=", 2));
  const valid = pairs.filter(
    ([key = "", value = ""]) =>
      key !== "" && qualifiedNameProblems(key).length + labelValueProblems(value).length === 0,
  );
  return Object.fromEntries(valid.map(([key = "", value = ""]) => [key, value]));
}

const listIn = (text: string): readonly string[] => text.split(",").filter((part) => part !== "");

const isWhole = (text: string): boolean => /^\d{1,9}$/.test(text);

/** The token of a Secret; `undefined` when it holds none that can be used. */
export function readBootstrapToken(secret: AnyObject): BootstrapToken | undefined {
  const data = objectIn(secret, "data");
  if (textIn(secret, "type") !== bootstrapSecretType || !isObject(data)) return undefined;
  const [id, value] = [decoded(data, "token-id"), decoded(data, "token-secret")];
  const named = secret.metadata.name === secretName(id);
  if (!named || !pattern.test(`${id}.${value}`)) return undefined;
  const [uses, used] = [decoded(data, "uses"), decoded(data, "used")];
  const expiration = decoded(data, "expiration");
  return {
    id,
    secret: value,
    // An end that cannot be read has come.
    ...(expiration === "" ? {} : { expiresMs: parseTime(expiration) ?? 0 }),
    authenticates: decoded(data, "usage-bootstrap-authentication") === "true",
    groups: listIn(decoded(data, "auth-extra-groups")).filter((group) =>
      group.startsWith(`${bootstrapGroup}:`),
    ),
    ...(uses === "" ? {} : { uses: isWhole(uses) ? Number(uses) : 0 }),
    used: isWhole(used) ? Number(used) : 0,
    usedBy: listIn(decoded(data, "used-by")),
    lastUsedMs: parseTime(decoded(data, "last-used")) ?? 0,
    beacon: decoded(data, "beacon"),
    nodeLabels: labelsOf(decoded(data, "node-labels")),
  };
}

function secretName(id: string): string {
  return `bootstrap-token-${id}`;
}

const keyOf = (id: string): string => storeKey(secrets, { namespace, name: secretName(id) });

/** The id of the token that a user showed; `undefined` for anybody else. */
export function tokenIdOf(user: string): string | undefined {
  return user.startsWith(userPrefix) ? user.slice(userPrefix.length) : undefined;
}

/** The token of that id as the store has it now. */
export async function findBootstrapToken(
  storage: Storage,
  id: string,
): Promise<BootstrapToken | undefined> {
  const item = /^[a-z0-9]{6}$/.test(id) ? await readItem(storage, keyOf(id)) : undefined;
  return item === undefined ? undefined : readBootstrapToken(item.object);
}

/** Whether a token has been used as often as it may. */
export function isUsedUp({ uses, used }: BootstrapToken): boolean {
  return uses !== undefined && used >= uses;
}

/** Whether its time has come. */
export function isExpiredToken({ expiresMs }: BootstrapToken, nowMs: number): boolean {
  return expiresMs !== undefined && expiresMs <= nowMs;
}

/** Why a token cannot be used at all, in words that end a sentence; never with its secret. */
function refusal(token: BootstrapToken, nowMs: number): string | undefined {
  const { expiresMs = 0, uses = 0 } = token;
  if (!token.authenticates) return "it is not for authentication";
  if (isExpiredToken(token, nowMs)) return `it expired at ${formatTime(expiresMs)}`;
  if (isUsedUp(token) && nowMs - token.lastUsedMs > graceMs) return `its ${uses} uses are used up`;
  return undefined;
}

function isSame(given: string, wanted: string): boolean {
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", wanted, "buffer"));
}

/** What knowing bootstrap tokens needs. */
export type BootstrapAuthenticatorOptions = {
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
  /** Told why a token was refused: the caller only learns that it was. */
  readonly onRefused?: (tokenId: string, why: string) => void;
};

/**
 * Knows bootstrap tokens: the user is `system:bootstrap:ID`. One that is used up still opens for ten
 * minutes, so that the last agent can fetch its certificate; its further requests are refused.
 */
export function bootstrapAuthenticator(options: BootstrapAuthenticatorOptions): Authenticator {
  const { storage, clock, onRefused = () => {} } = options;
  return {
    async authenticate(credentials) {
      const [, id, secret] = pattern.exec(bearerToken(credentials) ?? "") ?? [];
      if (id === undefined || secret === undefined) return undefined;
      const item = storage.cache.newest(keyOf(id));
      const token = item === undefined ? undefined : readBootstrapToken(item.object);
      const why =
        token === undefined
          ? "there is none of that id: it was deleted or never made"
          : isSame(secret, token.secret)
            ? refusal(token, clock.nowMs())
            : "its secret is wrong";
      if (token !== undefined && why === undefined) {
        return Promise.resolve({
          name: `${userPrefix}${id}`,
          groups: [bootstrapGroup, ...token.groups],
        });
      }
      onRefused(id, why ?? "");
      return undefined;
    },
  };
}

const encoded = (text: string): string => Buffer.from(text).toString("base64");

/**
 * Counts one use of a token for a request, by compare-and-set: of two that race for the last use, one
 * gets it. The same request counts once, however often this is repeated.
 *
 * @returns why there is no use left, in words that end a sentence; `undefined` once it is counted
 */
export async function countUse(
  storage: Storage,
  id: string,
  by: { readonly uid: string; readonly nowMs: number },
): Promise<string | undefined> {
  let why: string | undefined;
  const gone = new Error("the token is gone");
  try {
    await changeItem(
      storage,
      keyOf(id),
      (current) => {
        const token = current === undefined ? undefined : readBootstrapToken(current.object);
        if (current === undefined || token === undefined) throw gone;
        const counted = token.usedBy.includes(by.uid);
        why = counted ? undefined : useProblem(token, by.nowMs);
        if (counted || why !== undefined) return { does: "keep", item: current };
        const usedBy = [...token.usedBy, by.uid].slice(-maxRemembered);
        const data = {
          ...objectIn(current.object, "data"),
          used: encoded(String(token.used + 1)),
          "used-by": encoded(usedBy.join(",")),
          "last-used": encoded(formatTime(by.nowMs)),
        };
        return write("put", { ...current.object, data });
      },
      { dryRun: false },
    );
  } catch (err) {
    if (err !== gone) throw err;
    why = `token ${id} was deleted`;
  }
  return why;
}

/** Why a token is good for no further certificate; `undefined` when it is. */
export function useProblem(token: BootstrapToken, nowMs: number): string | undefined {
  const { id, uses = 0, expiresMs = 0 } = token;
  if (isExpiredToken(token, nowMs)) return `token ${id} expired at ${formatTime(expiresMs)}`;
  return isUsedUp(token) ? `token ${id} is used up: it was good for ${uses}` : undefined;
}
