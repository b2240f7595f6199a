import type { Clock } from "../../machinery/clock.ts";
import { parseTime } from "../../machinery/time.ts";
import { storeKey } from "../../store/keys.ts";
import type { User } from "../access.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import type { Bound } from "./account-claims.ts";
import type { AccountTokens, VerifiedToken } from "./account-tokens.ts";

/** What became of a token. */
export type TokenVerdict =
  | {
      readonly user: User;
      /** Those of the asked audiences that the token is for. */
      readonly audiences: readonly string[];
    }
  | { readonly error: string };

/** How a token is looked at. */
export type ReviewOptions = {
  readonly audiences?: readonly string[];
  /** It opened something that goes on: its time may be over, what it is bound to may not. */
  readonly ongoing?: boolean;
};

/** Decides whether a token is good now. */
export interface TokenReviewer {
  /** `undefined`: it is not a token of ours. Without audiences, this server is meant. */
  review(token: string, options?: ReviewOptions): Promise<TokenVerdict | undefined>;
}

/** What reviewing needs. */
export type TokenReviewerOptions = {
  readonly tokens: AccountTokens;
  readonly storage: Storage;
  readonly clock: Pick<Clock, "nowMs">;
};

/** An object that is being deleted still answers for its tokens so long: its end takes a while. */
const graceMs = 60_000;

/** Something a token hangs on. */
type Wanted = { readonly plural: string; readonly bound: Bound; readonly key: string };

/** What a token hangs on, in the order in which Kubernetes looks. */
function boundObjects({ claims }: VerifiedToken): readonly Wanted[] {
  const { namespace, account, pod, secret, node } = claims;
  const wanted = (plural: string, bound: Bound): Wanted => {
    const { name } = bound;
    const key = plural === "nodes" ? { name } : { namespace, name };
    return { plural, bound, key: storeKey({ group: "", plural }, key) };
  };
  return [
    wanted("serviceaccounts", account),
    ...(secret === undefined ? [] : [wanted("secrets", secret)]),
    ...(pod === undefined ? [] : [wanted("pods", pod)]),
    // The node of a pod may be gone for a moment; only a token for the node itself ends with it.
    ...(pod === undefined && node !== undefined ? [wanted("nodes", node)] : []),
  ];
}

/** Verifies tokens, and that the objects they name exist: with those a token ends at once. */
export function tokenReviewer({ tokens, storage, clock }: TokenReviewerOptions): TokenReviewer {
  const known = new WeakMap<VerifiedToken, readonly Wanted[]>();
  const wantedBy = (token: VerifiedToken): readonly Wanted[] => {
    const found = known.get(token) ?? boundObjects(token);
    known.set(token, found);
    return found;
  };
  const isThere = ({ key, bound }: Wanted): boolean => {
    const metadata = storage.cache.get(key)?.object.metadata;
    return metadata?.uid === bound.uid && metadata.deletionTimestamp === undefined;
  };
  /** Asks the store: the cache may not have seen a new incarnation yet. */
  const problem = async ({ plural, bound, key }: Wanted): Promise<string | undefined> => {
    const found = (await readItem(storage, key))?.object;
    if (found === undefined) return `${plural} ${JSON.stringify(bound.name)} not found`;
    const { uid, deletionTimestamp } = found.metadata;
    if (uid !== bound.uid) return `${plural} UID (${uid}) does not match claim (${bound.uid})`;
    if (deletionTimestamp === undefined) return undefined;
    const endMs = (parseTime(deletionTimestamp) ?? 0) + graceMs;
    return endMs < clock.nowMs() ? `${plural} ${bound.name} has been deleted` : undefined;
  };
  return {
    async review(token, { audiences = [tokens.issuer], ongoing = false } = {}) {
      const verified = await tokens.verify(token, ongoing).catch(toError);
      if (verified === undefined || "error" in verified) return verified;
      const accepted = audiences.filter((one) => verified.audiences.includes(one));
      if (accepted.length === 0) return { error: wrongAudience(verified.audiences, audiences) };
      for (const wanted of wantedBy(verified)) {
        const error = isThere(wanted) ? undefined : await problem(wanted);
        if (error !== undefined) return { error };
      }
      return { user: verified.user, audiences: accepted };
    },
  };
}

function toError(err: unknown): { readonly error: string } {
  return { error: err instanceof Error ? err.message : String(err) };
}

const quoted = (list: readonly string[]): string =>
  `[${list.map((item) => JSON.stringify(item)).join(" ")}]`;

function wrongAudience(have: readonly string[], want: readonly string[]): string {
  return `token audiences ${quoted(have)} is invalid for the target audiences ${quoted(want)}`;
}
