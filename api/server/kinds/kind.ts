import type { StatusCause } from "../../machinery/errors.ts";
import type { Gvk, ResourceType } from "../../machinery/gvk.ts";
import type { AnyObject, ObjectMeta } from "../../machinery/object.ts";
import type { Item } from "../../store/item.ts";
import type { User } from "../access.ts";

/** What a request does, as discovery lists it and the authorizer judges it. */
export type Verb =
  "create" | "delete" | "deletecollection" | "get" | "list" | "patch" | "update" | "watch";

/** How a PATCH body changes an object. `apply` is server-side apply. */
export type PatchType = "json" | "merge" | "strategic" | "apply";

/** A part of an object with an endpoint of its own, e.g. `status`. */
export type Subresource = {
  /** Last path segment, e.g. `scale`. */
  readonly name: string;
  /** What the endpoint speaks; exact, e.g. autoscaling/v1 Scale. Discovery drops one without it. */
  readonly responseKind: Gvk;
  readonly verbs: readonly Verb[];
  /** Present where the endpoint takes the whole object and changes but a part of it. */
  readonly updates?: PartialUpdate;
};

/** An update through an endpoint of a part, e.g. of `ephemeralcontainers`. */
export type PartialUpdate = {
  /** What it changes a part of; absent: all but the status. */
  readonly part?: "status";
  /** The state before with the part as it was sent; neither is changed. */
  readonly take: (sent: Body, before: AnyObject) => Body;
  /** Every wrong field; in place of the kind's own validation. */
  readonly validate: (object: Body, before: AnyObject) => readonly StatusCause[];
};

/** What clients learn of a kind through discovery. */
export type KindInfo = ResourceType & {
  /** Lower-case singular, e.g. `application`. */
  readonly singular: string;
  /** Kind of its list, e.g. `ApplicationList`. */
  readonly listKind: string;
  /** e.g. `["app"]`; may be empty. */
  readonly shortNames: readonly string[];
  /** e.g. `["lighthouse"]`; may be empty. */
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
};

/** A JSON object that may be changed in place. */
export type JsonObject = { [field: string]: unknown };

/** Metadata of an object that is being written: every field may still be missing. */
export type WritableMeta = { -readonly [Field in keyof ObjectMeta]?: ObjectMeta[Field] };

/** An object on its way into the store. Strategies change it in place. */
export type Body = JsonObject & { apiVersion: string; kind: string; metadata: WritableMeta };

/** An OpenAPI v3 schema as it stands in a CRD or in a published document. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * What differs between kinds when an object is written. The registry calls, in this order:
 * `prune`, `setDefaults`, `prepareCreate` or `prepareUpdate`, `validate`.
 *
 * Guarantees asked of every strategy: synchronous, no I/O; the given `before` is never changed.
 */
export interface Strategy {
  /** Removes fields that the schema does not know; returns their paths, e.g. `spec.replica`. */
  prune(object: Body): readonly string[];
  /** Fills in absent fields. Also runs on objects that were stored before a default existed. */
  setDefaults(object: Body): void;
  /** Sets what only the server may set, and clears what a creator may not. */
  prepareCreate(object: Body): void;
  /** Keeps what an updater may not change. Status isolation and generation are the registry's. */
  prepareUpdate(object: Body, before: AnyObject): void;
  /** Every wrong field, in the order of the object; `before` is absent on a creation. */
  validate(object: Body, before?: AnyObject): readonly StatusCause[];
}

/** One value of a table row. `null` prints as `<none>`. */
export type Cell = string | number | boolean | null;

/** A column of `kubectl get`. */
export type Column = {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** `name` on the column that holds the object's name, else mostly empty. */
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, 1 and more only with `-o wide`. */
  readonly priority: number;
  /** Reads the cell; `nowMs` is for ages. */
  readonly cell: (object: AnyObject, nowMs: number) => Cell;
};

/** Why a table row is greyed out, e.g. a finished pod. */
export type RowCondition = {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
};

/** Where a custom resource keeps its replica counts: paths such as `.spec.replicas`. */
export type ScalePaths = {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  /** Path of the selector in its text form. */
  readonly labelSelectorPath?: string;
};

/** What a virtual kind learns of a request. */
export type VirtualCall = {
  readonly user: User;
  /** Empty for cluster-scoped kinds, and for a list over all namespaces. */
  readonly namespace: string;
  /** Empty on collections. */
  readonly name: string;
};

/**
 * Makes objects when they are asked for: nothing of such a kind is ever stored. What it answers
 * needs no `apiVersion` and `kind`. A kind lists those verbs that it implements.
 */
export type Virtual = {
  /** Answers a POST, e.g. a review. `object` was decoded, pruned, defaulted and validated. */
  readonly create?: (call: VirtualCall, object: Body) => Promise<JsonObject>;
  /** `undefined`: there is none, which answers 404. */
  readonly get?: (call: VirtualCall) => Promise<JsonObject | undefined>;
  /** All objects of the namespace, or of all; selectors are applied to what it answers. */
  readonly list?: (call: VirtualCall) => Promise<readonly JsonObject[]>;
};

/** How a kind shows objects that are stored as those of another kind. Both ways lose nothing. */
export type View = {
  /** Makes a new object in the stored form. */
  readonly toStored: (object: Body) => Body;
  /** The inverse; the given object is shared and must not be changed. */
  readonly toShown: (object: AnyObject) => AnyObject;
};

/** A served kind: one group, version and plural, and everything the generic endpoints ask of it. */
export type Kind = KindInfo & {
  /** Name of its schema in OpenAPI documents, e.g. `io.k8s.api.core.v1.Pod`. */
  readonly definition: string;
  /** The schema itself. Absent on built-in kinds, whose definitions are generated. */
  readonly schema?: JsonSchema;
  readonly strategy: Strategy;
  /** The name column first. */
  readonly columns: readonly Column[];
  readonly rowConditions?: (object: AnyObject) => readonly RowCondition[];
  /**
   * Field selectors beyond metadata.name and metadata.namespace; an absent field reads as "".
   * They and the columns read the stored form.
   */
  readonly fields: Readonly<Record<string, (object: AnyObject) => string>>;
  readonly patchTypes: readonly PatchType[];
  /** Served from a CRD: PUT needs a resourceVersion, and strategic patches are refused. */
  readonly custom: boolean;
  /** Whether `metadata.generation` counts changes outside metadata, status and the fields of `but`. */
  readonly generation: boolean | { readonly but: readonly string[] };
  /** What is wrong with a name, when the rule is not that of DNS subdomains. */
  readonly nameProblems?: (name: string) => readonly string[];
  /** Version written to the store; the other served versions only rewrite `apiVersion`. */
  readonly storageVersion: string;
  readonly scale?: ScalePaths;
  /**
   * The object of an item as today's schema reads it, e.g. with defaults that came later;
   * `undefined` when that is the stored form. The object must not be changed.
   */
  readonly reread?: (item: Item) => AnyObject | undefined;
  /** Whether answers to writes wait until the server's own cache has them: other kinds depend on it. */
  readonly settles?: boolean;
  /** Seconds between the request to delete an object and its end; absent: it ends at once. */
  readonly graceSeconds?: (object: AnyObject) => number;
  /** Marks an object whose deletion was asked for, e.g. a Namespace's phase. In place. */
  readonly prepareDelete?: (object: Body) => void;
  /** Whether something besides metadata.finalizers keeps a deleted object, e.g. spec.finalizers. */
  readonly holdsDeletion?: (object: AnyObject) => boolean;
  /** Together: objects are kept in that collection, in the form that the view makes of them. */
  readonly keptWith?: { readonly group: string; readonly plural: string };
  readonly view?: View;
  /** Present: nothing is stored, and these answer. Without `get` and `list` there are no tables. */
  readonly virtual?: Virtual;
  /** Why the verbs that are missing are missing; ends the message of a 405. */
  readonly unservedReason?: string;
  /** Text of a Warning header on every use, when the version is deprecated. */
  readonly deprecation?: string;
};

/**
 * The kinds that are served now. CRDs come and go at run time: ask again on each request, and use
 * `onChange` to drop what was computed from the list (discovery, OpenAPI).
 */
export interface Kinds {
  find(group: string, version: string, plural: string): Kind | undefined;
  /** All served kinds; per group the preferred version first. */
  list(): readonly Kind[];
  /** Calls back after each change; returns the function that ends it. */
  onChange(listener: () => void): () => void;
}
