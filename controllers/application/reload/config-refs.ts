import { annotation } from "../../../crds/labels.ts";
import type { PodTemplate } from "../../../crds/types.gen.ts";

/** The kinds whose values become variables and files of containers. */
export type ConfigKind = "ConfigMap" | "Secret";

/** One object that a template names. */
export type ConfigRef = {
  readonly kind: ConfigKind;
  readonly name: string;
  /** The pods also start without it. */
  readonly optional: boolean;
};

type Named = { readonly name?: string; readonly optional?: boolean } | undefined;
type Container = PodTemplate["spec"]["containers"][number];
type Volume = NonNullable<PodTemplate["spec"]["volumes"]>[number];

function ref(kind: ConfigKind, to: Named): readonly ConfigRef[] {
  if (to?.name === undefined || to.name === "") return [];
  return [{ kind, name: to.name, optional: to.optional === true }];
}

type Environment = Pick<Container, "env" | "envFrom">;

function inContainer({ env = [], envFrom = [] }: Environment): readonly ConfigRef[] {
  return [
    ...envFrom.flatMap(({ configMapRef, secretRef }) => [
      ...ref("ConfigMap", configMapRef),
      ...ref("Secret", secretRef),
    ]),
    ...env.flatMap(({ valueFrom }) => [
      ...ref("ConfigMap", valueFrom?.configMapKeyRef),
      ...ref("Secret", valueFrom?.secretKeyRef),
    ]),
  ];
}

function inVolume({ configMap, secret, projected }: Volume): readonly ConfigRef[] {
  const { secretName, optional = false } = secret ?? {};
  return [
    ...ref("ConfigMap", configMap),
    ...(secretName === undefined ? [] : ref("Secret", { name: secretName, optional })),
    ...(projected?.sources ?? []).flatMap((part) => [
      ...ref("ConfigMap", part.configMap),
      ...ref("Secret", part.secret),
    ]),
  ];
}

const byText = (one: ConfigRef, other: ConfigRef): number =>
  `${one.kind}/${one.name}` < `${other.kind}/${other.name}` ? -1 : 1;

const known = new WeakMap<PodTemplate, readonly ConfigRef[]>();

function refsIn(template: PodTemplate): readonly ConfigRef[] {
  const { containers, initContainers = [], volumes = [] } = template.spec;
  const all = [
    ...[...containers, ...initContainers].flatMap(inContainer),
    ...volumes.flatMap(inVolume),
  ];
  const groups = Map.groupBy(all, ({ kind, name }) => `${kind}/${name}`);
  // Optional only if nobody insists on it.
  return [...groups.values()]
    .flatMap(([first, ...rest]) =>
      first === undefined
        ? []
        : [{ ...first, optional: [first, ...rest].every(({ optional }) => optional) }],
    )
    .toSorted(byText);
}

/**
 * The ConfigMaps and Secrets whose change makes a new Revision: those that a template with the
 * annotation names for variables and files, each once, in the order of their names. Secrets for
 * pulling images are none of them.
 */
export function reloadRefs(template: PodTemplate): readonly ConfigRef[] {
  if (template.metadata?.annotations?.[annotation.reload] !== "true") return [];
  const refs = known.get(template) ?? refsIn(template);
  known.set(template, refs);
  return refs;
}
