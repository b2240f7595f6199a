import { conflict, invalid, notFound } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import { apiVersionOf } from "../../machinery/gvk.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { encodeObject, type Item, itemOf } from "../../store/item.ts";
import { ageColumn, column, nameColumn } from "../kinds/columns.ts";
import { scaleGvk } from "../kinds/custom.ts";
import type { Body, Column, JsonObject, ScalePaths } from "../kinds/kind.ts";
import { applyTo } from "../fields/apply.ts";
import { readConfiguration } from "../fields/apply-patch.ts";
import { checkManager, writerOf } from "../fields/field-manager.ts";
import { trackAs } from "../fields/tracking.ts";
import { type Call, isDryRun } from "./call.ts";
import { applyPatch, type ReadPatch, readPatch } from "./patch.ts";
import type { Draft } from "./read-object.ts";
import { changeItem } from "./storage.ts";
import { existing, keyOfCall, nextState } from "./update.ts";

const maxReplicas = 2 ** 31 - 1;

/** autoscaling/v1 Scale. */
type Scale = JsonObject & {
  readonly metadata: JsonObject;
  readonly spec: { readonly replicas?: unknown };
};

const segments = (path: string): readonly string[] => path.split(".").filter((part) => part !== "");

function readPath(object: unknown, path: string): unknown {
  let value = object;
  for (const segment of segments(path)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, segment)) {
      return undefined;
    }
    value = (value as JsonObject)[segment];
  }
  return value;
}

function writePath(object: JsonObject, path: string, value: unknown): void {
  const parts = segments(path);
  const last = parts.at(-1) ?? "";
  let holder = object;
  for (const segment of parts.slice(0, -1)) {
    const inner = holder[segment];
    const next: JsonObject = typeof inner === "object" && inner !== null ? { ...inner } : {};
    holder[segment] = next;
    holder = next;
  }
  holder[last] = value;
}

function pathsOf(call: Call): ScalePaths {
  if (call.kind.scale === undefined) throw notFound(call.kind, call.name);
  return call.kind.scale;
}

function scaleOf(call: Call, object: AnyObject): Scale {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = pathsOf(call);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector =
    labelSelectorPath === undefined ? undefined : readPath(object, labelSelectorPath);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: readPath(object, specReplicasPath) ?? 0 },
    status: {
      replicas: readPath(object, statusReplicasPath) ?? 0,
      ...(typeof selector === "string" ? { selector } : {}),
    },
  };
}

const replicasColumn = (name: string, path: string): Column =>
  column(
    name,
    (object) => {
      const value = readPath(object, path);
      return typeof value === "number" ? value : 0;
    },
    { type: "integer" },
  );

const scaleColumns: readonly Column[] = [
  nameColumn,
  replicasColumn("Desired", "spec.replicas"),
  replicasColumn("Available", "status.replicas"),
  ageColumn,
];

/** The call as one about a Scale: for rendering what the endpoint answers. */
export function asScaleCall(call: Call): Call {
  const kind = { ...call.kind, ...scaleGvk, custom: false, columns: scaleColumns };
  return { ...call, kind };
}

/** The Scale view of an object, as an item of its own. */
export function scaleItem(call: Call, item: Item): Item {
  const { apiVersion = "", kind = "", ...rest } = scaleOf(call, item.object);
  const view = { ...rest, apiVersion: String(apiVersion), kind: String(kind) };
  return itemOf(item.key, encodeObject(view), item.at);
}

/** PUT of a Scale: writes the replica count and nothing else. */
export async function replaceScale(call: Call): Promise<Item> {
  checkManager(call, "UpdateOptions");
  return changeScale(call, () => call.body().value);
}

/** PATCH of a Scale. */
export async function patchScale(call: Call): Promise<Item> {
  // The endpoint speaks a built-in kind: it takes what built-in kinds take.
  const patch = readPatch(call);
  if (patch.type === "apply") return applyScale(call, patch);
  checkManager(call, "PatchOptions");
  return changeScale(call, (scale) => applyPatch(patch, "Scale", scale));
}

/** Server-side apply of a Scale owns the replica count of the object itself. */
async function applyScale(call: Call, patch: ReadPatch): Promise<Item> {
  const { config: scale, ...rest } = readConfiguration(call, patch, scaleGvk);
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      const found = existing(call, current);
      checkVersion(call, scale, found);
      const config: JsonObject = { apiVersion: apiVersionOf(call.kind), kind: call.kind.kind };
      if (readPath(scale, "spec.replicas") !== undefined) {
        writePath(config, pathsOf(call).specReplicasPath, readReplicas(call, scale));
      }
      return applyTo({ ...call, subresource: "" }, found, { ...rest, config });
    },
    { dryRun: isDryRun(call) },
  );
  return scaleItem(call, item);
}

async function changeScale(call: Call, change: (scale: Scale) => unknown): Promise<Item> {
  const { item } = await changeItem(
    call.storage,
    keyOfCall(call),
    (current) => {
      const found = existing(call, current);
      const wanted = change(scaleOf(call, found.object));
      checkVersion(call, wanted, found);
      const object = JSON.parse(found.bytes.toString()) as Body;
      writePath(object, pathsOf(call).specReplicasPath, readReplicas(call, wanted));
      const draft: Draft = { object, unknown: [], duplicates: [] };
      const writer = writerOf(call);
      return nextState({ ...call, subresource: "" }, draft, found, (inner, written) =>
        trackAs(writer, inner, written),
      );
    },
    { dryRun: isDryRun(call) },
  );
  return scaleItem(call, item);
}

function checkVersion({ kind, name }: Call, scale: unknown, found: Item): void {
  const version = readPath(scale, "metadata.resourceVersion");
  if (typeof version !== "string" || version === "" || version === String(found.at)) return;
  throw conflict(kind, name);
}

function readReplicas({ name }: Call, scale: unknown): number {
  const replicas = readPath(scale, "spec.replicas") ?? 0;
  const fits =
    typeof replicas === "number" &&
    Number.isInteger(replicas) &&
    replicas >= 0 &&
    replicas <= maxReplicas;
  if (fits) return replicas;
  throw invalid({ group: "autoscaling", kind: "Scale" }, name, [
    invalidValue("spec.replicas", replicas, `must be an integer from 0 to ${maxReplicas}`),
  ]);
}
