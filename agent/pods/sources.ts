import type { ConfigMap, Pod, Secret } from "../../api/machinery/resources.ts";
import type { ContainerOf } from "./containers.ts";

/** The two kinds whose keys become variables and files. */
export type SourceKind = "ConfigMap" | "Secret";

/** One object that a pod names. */
export type SourceName = { readonly kind: SourceKind; readonly name: string };

/** The decoded keys of one ConfigMap or Secret. */
export type Bundle = ReadonlyMap<string, Buffer>;

/** What was found of the names, by `sourceKey()`; an absent object has no entry. */
export type Sources = ReadonlyMap<string, Bundle>;

/** The pod asks for something that is not there or not possible; it waits until that changes. */
export class ConfigProblem extends Error {
  override readonly name = "ConfigProblem";
}

/** `ConfigMap/settings`. */
export function sourceKey({ kind, name }: SourceName): string {
  return `${kind}/${name}`;
}

/** A reference as it stands in a spec. */
export type Reference = { readonly name?: string; readonly optional?: boolean };

/** The keys of an object. @throws ConfigProblem when it is absent and not optional. */
export function bundleOf(kind: SourceKind, reference: Reference, sources: Sources): Bundle {
  const name = reference.name ?? "";
  const bundle = sources.get(sourceKey({ kind, name }));
  if (bundle === undefined && reference.optional !== true)
    throw new ConfigProblem(`Cannot find ${kind} "${name}"`);
  return bundle ?? new Map();
}

type Found = readonly (readonly [SourceKind, string | undefined])[];

function inContainer({ envFrom = [], env = [] }: ContainerOf): Found {
  return [
    ...envFrom.flatMap((from): Found => [
      ["ConfigMap", from.configMapRef?.name],
      ["Secret", from.secretRef?.name],
    ]),
    ...env.flatMap(({ valueFrom }): Found => [
      ["ConfigMap", valueFrom?.configMapKeyRef?.name],
      ["Secret", valueFrom?.secretKeyRef?.name],
    ]),
  ];
}

type Volume = NonNullable<Pod["spec"]["volumes"]>[number];

function inVolume({ configMap, secret, projected }: Volume): Found {
  const parts = projected?.sources ?? [];
  return [
    ["ConfigMap", configMap?.name],
    ["Secret", secret?.secretName],
    ...parts.flatMap((part): Found => [
      ["ConfigMap", part.configMap?.name],
      ["Secret", part.secret?.name],
    ]),
  ];
}

/** Every ConfigMap and Secret that the containers of a pod need, without those for pulling. */
export function sourceNames({ spec }: Pod): readonly SourceName[] {
  const containers = [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...(spec.ephemeralContainers ?? []),
  ];
  const found = [...containers.flatMap(inContainer), ...(spec.volumes ?? []).flatMap(inVolume)];
  const names = new Map<string, SourceName>();
  for (const [kind, name] of found)
    if (name !== undefined) names.set(sourceKey({ kind, name }), { kind, name });
  return [...names.values()];
}

const decode = (data: Readonly<Record<string, string>> | undefined, encoding: BufferEncoding) =>
  Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, encoding)] as const);

/** The keys of a ConfigMap, text and binary. */
export function configMapBundle({ data, binaryData }: ConfigMap): Bundle {
  return new Map([...decode(data, "utf8"), ...decode(binaryData, "base64")]);
}

/** The keys of a Secret. */
export function secretBundle({ data }: Secret): Bundle {
  return new Map(decode(data, "base64"));
}
