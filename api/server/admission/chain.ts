import type { AnyObject } from "../../machinery/object.ts";
import type { User } from "../access.ts";
import type { Body, Kind } from "../kinds/kind.ts";

/** A write that is about to happen. */
export type Review = {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** Empty on the object itself. */
  readonly subresource: string;
  /** The state to be stored, which may still be changed in place; absent on DELETE. */
  readonly object?: Body;
  /** The state before; absent on CREATE. */
  readonly before?: AnyObject;
  readonly user: User;
  /** Nothing will be stored. */
  readonly dryRun: boolean;
  /** Sends a Warning header with the answer. */
  readonly warn: (text: string) => void;
  /** Puts an annotation on the request's audit event; of a key the last value counts. */
  readonly annotate: (key: string, value: string) => void;
};

/** The same once the object is complete and valid in itself. */
export type FinalReview = Omit<Review, "object"> & { readonly object: AnyObject };

/** Judges or completes writes beyond what a kind's own strategy knows. */
export interface Admission {
  /** Comes before validation. @throws StatusError, mostly `Forbidden`, to refuse the write. */
  admit?(review: Review): Promise<void>;
  /** Comes after validation, and changes nothing but a status. @throws StatusError, mostly `Invalid` */
  judge?(review: FinalReview): Promise<void>;
}

/** Asks all in order; the first that refuses decides. */
export function admissionChain(links: readonly Admission[]): Required<Admission> {
  return {
    async admit(review) {
      for (const link of links) await link.admit?.(review);
    },
    async judge(review) {
      for (const link of links) await link.judge?.(review);
    },
  };
}
