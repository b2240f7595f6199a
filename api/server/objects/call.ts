import { randomUUID } from "node:crypto";
import type { Readable } from "node:stream";
import { badRequest } from "../../machinery/errors.ts";
import type { ImagePolicy } from "../../machinery/images/image-policy.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { User } from "../access.ts";
import type { Admission, Review } from "../admission/chain.ts";
import type { Rights } from "../authz/rbac-authorizer.ts";
import type { AccountTokens } from "../tokens/account-tokens.ts";
import type { Kind, Kinds, Verb } from "../kinds/kind.ts";
import type { PlanRollout } from "../rollouts/planner.ts";
import type { FieldTypes } from "../fields/field-types.ts";
import type { Decoded } from "./json-body.ts";
import type { Rendering } from "./negotiate.ts";
import type { Storage } from "./storage.ts";

/** What all calls share for as long as the server lives. */
export type Scope = {
  readonly storage: Storage;
  readonly kinds: Kinds;
  readonly admission: Required<Admission>;
  readonly rights: Rights;
  readonly tokens: AccountTokens;
  readonly clock: Pick<Clock, "nowMs">;
  /** Works out what an Application would lead to. Absent: nobody here knows. */
  readonly planRollout?: PlanRollout;
  readonly fieldTypes: FieldTypes;
  /** Where images may come from that Docker is told to use. */
  readonly imagePolicy: ImagePolicy;
};

/** Query parameters; of a repeated one the first counts. */
export interface Query {
  get(name: string): string | undefined;
}

/** One request to the generic endpoints, decoded as far as every verb needs it. */
export type Call = Scope & {
  readonly kind: Kind;
  /** Empty for cluster-scoped kinds, and for a list over all namespaces. */
  readonly namespace: string;
  /** Empty on collections. */
  readonly name: string;
  /** Empty on the object itself. */
  readonly subresource: string;
  readonly query: Query;
  readonly rendering: Rendering;
  readonly contentType: string | undefined;
  /** The raw body; `undefined` when there is none. */
  readonly rawBody: Buffer | undefined;
  /** Fields that the body had twice, if it was longer YAML and `rawBody` is what it says as JSON. */
  readonly duplicates: readonly string[];
  /** The body as JSON or YAML. @throws StatusError `BadRequest`, `UnsupportedMediaType` */
  body(): Decoded;
  readonly user: User;
  /** The User-Agent header; empty when there is none. */
  readonly userAgent: string;
  /** Asks for leave to do something else to the same resource. @throws StatusError `Forbidden` */
  mustAllow(verb: Verb): Promise<void>;
  /** Sends a Warning header with the answer; the same text only once. */
  warn(text: string): void;
  /** Puts an annotation on the request's audit event. */
  annotate(key: string, value: string): void;
};

/** What a handler of the generic endpoints answers with. */
export type Answer = {
  readonly code: number;
  /** A stream when it is long: it is made while it is sent. */
  readonly body: Buffer | string | Readable;
  /** Default `application/json`. */
  readonly contentType?: string;
};

/** A fresh identity for an object: uids are never used twice. */
export const newUid = (): string => randomUUID();

/** Whether nothing shall be stored. @throws StatusError `BadRequest` for a value but `All`. */
export function isDryRun(call: Pick<Call, "query">): boolean {
  const value = call.query.get("dryRun");
  if (value === undefined || value === "") return false;
  if (value !== "All") throw badRequest(`Invalid value for dryRun: "${value}": supported: "All"`);
  return true;
}

/** What admission learns of every write, and how it answers besides yes and no. */
export function reviewOf(call: Call): Omit<Review, "before" | "object" | "operation"> {
  const { kind, namespace, name, subresource, user } = call;
  const warn = (text: string): void => call.warn(text);
  const annotate = (key: string, value: string): void => call.annotate(key, value);
  return { kind, namespace, name, subresource, user, dryRun: isDryRun(call), warn, annotate };
}
