import type { AnyObject } from "../../machinery/object.ts";
import type { JsonSchemaProps } from "../../machinery/schema-props.ts";
import { isObject, objectsIn } from "../kinds/fill.ts";
import type { ScalePaths } from "../kinds/kind.ts";
import type { PrinterColumn } from "../kinds/printer-columns.ts";

/** How a custom resource is called. */
export type CrdNames = {
  readonly kind: string;
  readonly listKind?: string;
  readonly plural: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
};

/** One version of a custom resource. */
export type CrdVersion = {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly deprecated?: boolean;
  readonly deprecationWarning?: string;
  readonly schema?: { readonly openAPIV3Schema?: JsonSchemaProps };
  readonly subresources?: { readonly status?: object; readonly scale?: ScalePaths };
  readonly additionalPrinterColumns?: readonly PrinterColumn[];
  readonly selectableFields?: readonly { readonly jsonPath?: string }[];
};

/** How objects get from one version to another. */
export type CrdConversion = { readonly strategy?: string; readonly webhook?: unknown };

/** apiextensions.k8s.io/v1 CustomResourceDefinitionSpec, defaults filled in. */
export type CrdSpec = {
  readonly group: string;
  readonly scope: "Namespaced" | "Cluster";
  readonly names: CrdNames;
  readonly versions: readonly CrdVersion[];
  readonly conversion?: CrdConversion;
  readonly preserveUnknownFields?: boolean;
};

/** A condition of a CRD; `status` is `True`, `False` or `Unknown`. */
export type CrdCondition = {
  readonly type: string;
  readonly status: string;
  readonly lastTransitionTime?: string;
  readonly reason: string;
  readonly message: string;
};

/** apiextensions.k8s.io/v1 CustomResourceDefinitionStatus; written by the server only. */
export type CrdStatus = {
  readonly acceptedNames?: CrdNames;
  readonly conditions?: readonly CrdCondition[];
  readonly storedVersions?: readonly string[];
};

/** apiextensions.k8s.io/v1 CustomResourceDefinition, as far as the server reads it. */
export type Crd = AnyObject & { readonly spec: CrdSpec; readonly status?: CrdStatus };

/** Deletes all objects of a kind before its CRD goes. */
export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** Whether a condition of a CRD is `True`. */
export function hasCondition(crd: AnyObject, type: string): boolean {
  const { status } = crd as { readonly status?: unknown };
  if (!isObject(status)) return false;
  return objectsIn(status, "conditions").some(
    (one) => one["type"] === type && one["status"] === "True",
  );
}

/** Whether a CRD's kinds are served. */
export function isEstablished(crd: AnyObject): boolean {
  return hasCondition(crd, "Established");
}

/** The conditions with `next` among them; its time stays as it was when its status does. */
export function withCondition(
  conditions: readonly CrdCondition[],
  next: Omit<CrdCondition, "lastTransitionTime">,
  now: string,
): readonly CrdCondition[] {
  const old = conditions.find(({ type }) => type === next.type);
  const lastTransitionTime = old?.status === next.status ? (old.lastTransitionTime ?? now) : now;
  const made: CrdCondition = {
    type: next.type,
    status: next.status,
    lastTransitionTime,
    reason: next.reason,
    message: next.message,
  };
  if (old === undefined) return [...conditions, made];
  return conditions.map((one) => (one === old ? made : one));
}
