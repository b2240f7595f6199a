import type { AnyObject } from "../../machinery/object.ts";
import { isObject, objectIn, objectsIn, textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";

/** Kinds that agents read only where a Pod of theirs names the object. */
export type NamedPlural = "secrets" | "configmaps" | "serviceaccounts";

/** `secrets shop/db`. */
export type Reference = `${NamedPlural} ${string}/${string}`;

/** The text form of a reference. */
export function reference(plural: NamedPlural, namespace: string, name: string): Reference {
  return `${plural} ${namespace}/${name}`;
}

type Found = readonly (readonly [NamedPlural, string])[];

const inField = (plural: NamedPlural, holder: JsonObject, field: string): Found => [
  [plural, textIn(objectIn(holder, field), "name")],
];

function inContainer(container: JsonObject): Found {
  const sources = objectsIn(container, "env").map((one) => objectIn(one, "valueFrom") ?? {});
  return [
    ...objectsIn(container, "envFrom").flatMap((from) => [
      ...inField("configmaps", from, "configMapRef"),
      ...inField("secrets", from, "secretRef"),
    ]),
    ...sources.flatMap((from) => [
      ...inField("configmaps", from, "configMapKeyRef"),
      ...inField("secrets", from, "secretKeyRef"),
    ]),
  ];
}

function inVolume(volume: JsonObject): Found {
  const parts = objectsIn(objectIn(volume, "projected"), "sources");
  return [
    ["configmaps", textIn(objectIn(volume, "configMap"), "name")],
    ["secrets", textIn(objectIn(volume, "secret"), "secretName")],
    ...parts.flatMap((part) => [
      ...inField("configmaps", part, "configMap"),
      ...inField("secrets", part, "secret"),
    ]),
  ];
}

/**
 * Everything that a Pod names and that whoever runs it must read: what variables and volumes are made
 * of, what images are pulled with, and its ServiceAccount. Ephemeral containers count.
 */
export function podReferences({ metadata, spec }: AnyObject): ReadonlySet<Reference> {
  const { namespace = "" } = metadata;
  const pod = isObject(spec) ? spec : {};
  const containers = ["initContainers", "containers", "ephemeralContainers"].flatMap((field) =>
    objectsIn(pod, field),
  );
  const found: Found = [
    ...containers.flatMap(inContainer),
    ...objectsIn(pod, "volumes").flatMap(inVolume),
    ...objectsIn(pod, "imagePullSecrets").map((one) => ["secrets", textIn(one, "name")] as const),
    ["serviceaccounts", textIn(pod, "serviceAccountName")],
  ];
  const named = found.filter(([, name]) => name !== "");
  return new Set(named.map(([plural, name]) => reference(plural, namespace, name)));
}

/** The Secret that a Beacon's spec names: with it the agent asks a cloud for its hosts. */
export function beaconReferences({ spec }: AnyObject): ReadonlySet<Reference> {
  const credentials = isObject(spec) ? objectIn(spec, "credentialsRef") : undefined;
  const [namespace, name] = [textIn(credentials, "namespace"), textIn(credentials, "name")];
  return new Set(name === "" ? [] : [reference("secrets", namespace, name)]);
}
