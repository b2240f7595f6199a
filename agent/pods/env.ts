import type { Pod } from "../../api/machinery/resources.ts";
import type { ContainerOf } from "./containers.ts";
import { resourceValue } from "./resource-field.ts";
import {
  bundleOf,
  ConfigProblem,
  type Reference,
  type SourceKind,
  type Sources,
} from "./sources.ts";

/** What a pod may read of where it runs. */
export type Place = { readonly hostIp: string };

type ValueFrom = NonNullable<NonNullable<ContainerOf["env"]>[number]["valueFrom"]>;
type EnvFrom = NonNullable<ContainerOf["envFrom"]>[number];

const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/;

/** The value of a downward API path. @throws ConfigProblem when there is no such field here. */
export function fieldValue(pod: Pod, path: string, { hostIp }: Place): string {
  const match = subscript.exec(path);
  if (match !== null) {
    const [, field, key = ""] = match;
    const values = field === "labels" ? pod.metadata.labels : pod.metadata.annotations;
    return values?.[key] ?? "";
  }
  const values: Readonly<Record<string, string>> = {
    "metadata.name": pod.metadata.name,
    "metadata.namespace": pod.metadata.namespace ?? "",
    "metadata.uid": pod.metadata.uid,
    "spec.nodeName": pod.spec.nodeName ?? "",
    "spec.serviceAccountName": pod.spec.serviceAccountName ?? "",
    "status.hostIP": hostIp,
    "status.hostIPs": hostIp,
  };
  const known = values[path];
  if (known !== undefined) return known;
  if (path.startsWith("status.podIP")) {
    if (pod.spec.hostNetwork === true) return hostIp;
    // Docker chooses the address when it starts the container, which is after its creation.
    throw new ConfigProblem(`Cannot resolve field ${path}: known only on the host's network`);
  }
  throw new ConfigProblem(`Cannot resolve field ${path}: not supported`);
}

type KeyReference = Reference & { readonly key: string };

function keyValue(kind: SourceKind, reference: KeyReference, sources: Sources): string | undefined {
  const bytes = bundleOf(kind, reference, sources).get(reference.key);
  if (bytes === undefined && reference.optional !== true)
    throw new ConfigProblem(`Cannot find key "${reference.key}" of ${kind} "${reference.name}"`);
  return bytes?.toString();
}

function fromSource({ prefix = "", configMapRef, secretRef }: EnvFrom, sources: Sources) {
  const bundle =
    configMapRef === undefined
      ? bundleOf("Secret", secretRef ?? {}, sources)
      : bundleOf("ConfigMap", configMapRef, sources);
  return [...bundle].map(([key, bytes]) => [`${prefix}${key}`, bytes.toString()] as const);
}

/** The value of a variable that is not written out; `undefined` when it is optional and absent. */
function referenced(name: string, from: ValueFrom, context: Context): string | undefined {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = from;
  if (configMapKeyRef !== undefined) return keyValue("ConfigMap", configMapKeyRef, context.sources);
  if (secretKeyRef !== undefined) return keyValue("Secret", secretKeyRef, context.sources);
  if (fieldRef !== undefined) return fieldValue(context.pod, fieldRef.fieldPath, context.place);
  if (resourceFieldRef !== undefined)
    return resourceValue(context.pod.spec, resourceFieldRef, context.container);
  throw new ConfigProblem(`Cannot resolve variable ${name}: its source is not supported`);
}

type Context = {
  readonly pod: Pod;
  /** Whose environment it is. */
  readonly container: string;
  readonly sources: Sources;
  readonly place: Place;
};

/** Replaces `$(NAME)`; `$$` stands for `$`, and an unknown name stays as it is written. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^()]*)\))/g, (whole, first: string, name: string | undefined) => {
    if (first === "$") return "$";
    return values.get(name ?? "") ?? whole;
  });
}

/**
 * The environment of one container; later names win over earlier ones.
 *
 * @throws ConfigProblem when a ConfigMap, Secret, key or field is not there and not optional.
 */
export function resolveEnv(
  pod: Pod,
  container: ContainerOf,
  sources: Sources,
  place: Place,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const from of container.envFrom ?? [])
    for (const [name, value] of fromSource(from, sources)) values.set(name, value);
  for (const { name, value, valueFrom } of container.env ?? []) {
    const found =
      valueFrom === undefined
        ? expand(value ?? "", values)
        : referenced(name, valueFrom, { pod, container: container.name, sources, place });
    if (found !== undefined) values.set(name, found);
  }
  return values;
}
