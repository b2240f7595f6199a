import { forbidden, invalid } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import { storeKey } from "../../store/keys.ts";
import { isObject, objectIn, textIn } from "../kinds/fill.ts";
import type { Body, JsonObject } from "../kinds/kind.ts";
import { readItem, type Storage } from "../objects/storage.ts";
import type { Admission, Review } from "./chain.ts";

/**
 * Namespaces: the labels of the Nodes that it may use, e.g. `kubernetes.io/hostname=n1,disk=ssd`.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#podnodeselector
 */
export const nodeSelectorAnnotation = "scheduler.alpha.kubernetes.io/node-selector";

type Labels = Readonly<Record<string, string>>;

const namespaces = { group: "", plural: "namespaces" };
const nodes = { group: "", plural: "nodes" };
const labelKey = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?$/;

/** The labels in a text `key=value,key=value`; `undefined` when it is something else. */
export function readNodeSelector(text: string): Labels | undefined {
  if (text.trim() === "") return {};
  const pairs = text.split(",").map((pair) => pair.split("=").map((part) => part.trim()));
  const good = pairs.every(
    ([key = "", value = "", ...more]) =>
      more.length === 0 && labelKey.test(key) && labelValue.test(value),
  );
  const all = pairs.every(({ length }) => length === 2);
  return good && all
    ? Object.fromEntries(pairs.map(([key = "", value = ""]) => [key, value]))
    : undefined;
}

const textOf = (namespace: AnyObject | Body | undefined): string =>
  namespace?.metadata.annotations?.[nodeSelectorAnnotation] ?? "";

const shown = (labels: Labels): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** @throws StatusError `Invalid` for an annotation that nobody could follow */
function judgeNamespace({ kind, name, object, before }: Review): void {
  const text = textOf(object);
  if (text === textOf(before) || readNodeSelector(text) !== undefined) return;
  const path = `metadata.annotations[${nodeSelectorAnnotation}]`;
  throw invalid(kind, name, [invalidValue(path, text, "must be key=value,key=value")]);
}

type Place = { readonly holder: JsonObject; readonly labels: Labels };

/** Adds the labels to a selector. @throws StatusError `Forbidden` where it says something else */
function confine({ kind, name, namespace }: Review, { holder, labels }: Place): void {
  const own = objectIn(holder, "nodeSelector") ?? {};
  const other = Object.keys(labels).find(
    (key) => own[key] !== undefined && own[key] !== labels[key],
  );
  if (other !== undefined) {
    const why = `node label selector ${other}=${String(own[other])} conflicts with that of namespace "${namespace}", which is confined to nodes with ${shown(labels)}`;
    throw forbidden(kind, name, why);
  }
  holder["nodeSelector"] = { ...own, ...labels };
}

/** Whether an object names a place itself, for the first time. */
function namedNodes({ kind, object, before }: Review): readonly string[] {
  const spec = objectIn(object ?? {}, "spec") ?? {};
  if (kind.plural === "pods") return before === undefined ? [textIn(spec, "nodeName")] : [];
  const list = objectIn(spec, "placement")?.["nodes"];
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

/** What has a selector of Nodes in a write: a new Pod, or an Application. */
function confinedPart({ kind, operation, subresource, object }: Review): JsonObject | undefined {
  if (object === undefined || subresource !== "") return undefined;
  const spec = objectIn(object, "spec");
  if (kind.group === "" && kind.plural === "pods") return operation === "CREATE" ? spec : undefined;
  if (kind.group !== "lighthouse.dev" || kind.plural !== "applications") return undefined;
  if (object.metadata.deletionTimestamp !== undefined || spec === undefined) return undefined;
  if (!isObject(spec["placement"])) spec["placement"] = {};
  return objectIn(spec, "placement");
}

/**
 * Keeps the Pods and Applications of a namespace on the Nodes that its annotation names, as Kubernetes'
 * PodNodeSelector: the labels are added to what they select, and who asks for others is refused. Naming
 * a Node is no way around it.
 */
export function namespaceNodeSelector(storage: Storage): Admission {
  const find = async (type: typeof nodes, name: string): Promise<AnyObject | undefined> => {
    const key = storeKey(type, { name });
    return (storage.cache.newest(key) ?? (await readItem(storage, key)))?.object;
  };
  const carries = async (name: string, labels: Labels): Promise<boolean> => {
    const own = (await find(nodes, name))?.metadata.labels ?? {};
    return Object.entries(labels).every(([key, value]) => own[key] === value);
  };
  return {
    async admit(review) {
      const { kind, name, namespace, object } = review;
      if (object === undefined) return;
      if (kind.group === "" && kind.plural === "namespaces") return judgeNamespace(review);
      if (kind.plural !== "pods" && kind.plural !== "applications") return;
      const text = textOf(await find(namespaces, namespace));
      const holder = text === "" ? undefined : confinedPart(review);
      if (holder === undefined) return;
      const labels = readNodeSelector(text);
      if (labels === undefined) {
        throw forbidden(
          kind,
          name,
          `nobody can read the node selector of namespace "${namespace}"`,
        );
      }
      confine(review, { holder, labels });
      for (const node of namedNodes(review).filter((one) => one !== "")) {
        if (await carries(node, labels)) continue;
        const why = `node "${node}" is not for namespace "${namespace}", which is confined to nodes with ${shown(labels)}`;
        throw forbidden(kind, name, why);
      }
    },
  };
}
