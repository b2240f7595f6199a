import { hash } from "node:crypto";
import { tooManyRequests } from "../../../machinery/errors.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { objectIn, textIn } from "../../kinds/fill.ts";
import type { JsonObject } from "../../kinds/kind.ts";
import type { Admission, Review } from "../chain.ts";

/** What a limit counts apart. */
export const limitTypes = ["Server", "Namespace", "User", "SourceAndObject"] as const;

/** How many Events may be written, as Kubernetes' EventRateLimit says it. */
export type EventLimit = {
  readonly type: (typeof limitTypes)[number];
  /** Per second in the long run. Integer, 1 or more. */
  readonly qps: number;
  /** At once. Integer, 1 or more. */
  readonly burst: number;
  /** How many namespaces, users or objects are remembered; who was silent longest is forgotten first. */
  readonly cacheSize: number;
};

/**
 * What holds without a file: so much that what controllers and agents tell of a large rollout
 * comes through, and so little that a loop cannot fill the store.
 */
export const defaultEventLimits: readonly EventLimit[] = [
  { type: "Server", qps: 2_000, burst: 20_000, cacheSize: 1 },
  { type: "Namespace", qps: 500, burst: 10_000, cacheSize: 2_048 },
  { type: "SourceAndObject", qps: 5, burst: 200, cacheSize: 8_192 },
];

/** What two names, a namespace and a host can add up to. */
const maxKeyLength = 1_024;

type Bucket = { tokens: number; atMs: number };

/** Buckets by key, at most so many. Time may stand still, and never fills a bucket above its burst. */
class Buckets {
  readonly limit: EventLimit;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: EventLimit) {
    this.limit = limit;
  }

  /** The bucket with what it holds now; it becomes the one that was used last. */
  at(key: string, nowMs: number): Bucket {
    const { qps, burst, cacheSize } = this.limit;
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    const grown = (Math.max(0, nowMs - bucket.atMs) / 1_000) * qps;
    bucket.tokens = Math.min(burst, bucket.tokens + grown);
    bucket.atMs = nowMs;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > cacheSize) {
      const [oldest = ""] = this.#buckets.keys();
      this.#buckets.delete(oldest);
    }
    return bucket;
  }
}

function sourceAndObject(event: JsonObject): string {
  const source = objectIn(event, "source") ?? objectIn(event, "deprecatedSource");
  const about = objectIn(event, "involvedObject") ?? objectIn(event, "regarding");
  const component =
    textIn(source, "component") ||
    textIn(event, "reportingComponent") ||
    textIn(event, "reportingController");
  const parts = ["kind", "namespace", "name", "uid", "apiVersion"].map((field) =>
    textIn(about, field),
  );
  const key = JSON.stringify([component, textIn(source, "host"), ...parts]);
  // Nothing has judged the fields yet: whoever writes megabytes into one must not have them remembered.
  return key.length <= maxKeyLength ? key : hash("sha256", key, "base64url");
}

function keyOf({ type }: EventLimit, { namespace, user, object }: Review): string {
  switch (type) {
    case "Server":
      return "";
    case "Namespace":
      return namespace;
    case "User":
      return user.name;
    case "SourceAndObject":
      return sourceAndObject(object ?? {});
  }
}

const isEvent = ({ kind }: Review): boolean =>
  kind.plural === "events" && (kind.group === "" || kind.group === "events.k8s.io");

/**
 * Refuses Events beyond the limits, so that nobody fills the store by telling the same again and again.
 * What is refused by one limit counts for none.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#eventratelimit
 */
export function eventRateLimit(
  limits: readonly EventLimit[],
  clock: Pick<Clock, "nowMs">,
): Admission {
  const all = limits.map((limit) => new Buckets(limit));
  return {
    async admit(review) {
      if (!isEvent(review) || review.operation === "DELETE" || review.dryRun) return;
      const nowMs = clock.nowMs();
      const found = all.map((buckets) => {
        const key = keyOf(buckets.limit, review);
        return { key, limit: buckets.limit, bucket: buckets.at(key, nowMs) };
      });
      const empty = found.find(({ bucket }) => bucket.tokens < 1);
      if (empty !== undefined) {
        const { limit, key, bucket } = empty;
        const waitSeconds = Math.ceil((1 - bucket.tokens) / limit.qps);
        throw tooManyRequests(`limit reached on type ${limit.type} for key ${key}`, waitSeconds);
      }
      for (const { bucket } of found) bucket.tokens -= 1;
    },
  };
}
