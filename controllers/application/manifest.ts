import type { Draft } from "../../api/machinery/object.ts";
import { controllerReference } from "../../api/machinery/owner.ts";
import { labelValueProblems, shortHash } from "../../api/machinery/names.ts";
import type { Pod, PodSpec } from "../../api/machinery/resources.ts";
import { annotation, label } from "../../crds/labels.ts";
import type { Application, ImageDigest, PodTemplate, Revision } from "../../crds/types.gen.ts";
import { templateHash } from "./hash.ts";
import type { Step } from "./step.ts";

type CreatePod = Extract<Step, { kind: "createPod" }>;
type CreateRevision = Extract<Step, { kind: "createRevision" }>;

/** A reference without its tag; a registry's port is no tag. */
const repositoryOf = (image: string): string => image.replace(/:[^:/]*$/, "");

/** The container by digest, if the Revision has one on record for its image. */
function pinned<T extends { readonly image?: string }>(
  container: T,
  images: readonly ImageDigest[],
): T {
  const known = images.find(({ image }) => image === container.image);
  if (known === undefined || container.image === undefined) return container;
  return { ...container, image: `${repositoryOf(container.image)}@${known.digest}` };
}

/** Where it belongs, if there is room: no pod ever waits for that. */
const nodeWas = (node: string): NonNullable<PodSpec["affinity"]> => ({
  nodeAffinity: {
    preferredDuringSchedulingIgnoredDuringExecution: [
      {
        weight: 100,
        preference: { matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] },
      },
    ],
  },
});

const nodeIs = (node: string): NonNullable<PodSpec["affinity"]> => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [
        { matchFields: [{ key: "metadata.name", operator: "In", values: [node] }] },
      ],
    },
  },
});

/**
 * A slot that stands for a Node waits for it: its pod stays while the Node is away, and a cordoned
 * Node that has one already may have the next version of it, as with a DaemonSet.
 */
const ofOwnNode: readonly NonNullable<PodSpec["tolerations"]>[number][] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];

function affinityOf({ node, home }: CreatePod): Pick<PodSpec, "affinity"> {
  if (node !== undefined) return { affinity: nodeIs(node) };
  return home === undefined ? {} : { affinity: nodeWas(home) };
}

function specOf(step: CreatePod, template: PodTemplate, { spec }: Application): PodSpec {
  const { placement } = spec;
  const body = template.spec as PodSpec;
  const { initContainers } = body;
  const nodeSelector = { ...body.nodeSelector, ...placement.nodeSelector };
  return {
    ...body,
    containers: body.containers.map((container) => pinned(container, step.images)),
    ...(initContainers === undefined
      ? {}
      : { initContainers: initContainers.map((container) => pinned(container, step.images)) }),
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector }),
    ...affinityOf(step),
    ...(step.slotIsNode ? { tolerations: [...(body.tolerations ?? []), ...ofOwnNode] } : {}),
  };
}

/** The value of the slot label; the name of a Node that is none is told in full by an annotation. */
const slotLabel = (slot: string): string =>
  labelValueProblems(slot).length === 0 ? slot : shortHash(slot);

/** The pod of a slot, made from the template of its Revision. */
export function podOf(
  step: CreatePod,
  template: PodTemplate,
  application: Application,
): Draft<Pod> {
  const { name, namespace } = application.metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: step.name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...template.metadata?.labels,
        [label.application]: name,
        [label.revision]: step.revision,
        [label.slot]: slotLabel(step.slot),
        [label.templateHash]: templateHash(template),
      },
      annotations: {
        ...template.metadata?.annotations,
        [annotation.desiredState]: step.desired,
        ...(step.replaces === undefined ? {} : { [annotation.replaces]: step.replaces }),
        ...(step.slotIsNode ? { [annotation.slotNode]: step.slot } : {}),
      },
      ownerReferences: [controllerReference(application)],
    },
    spec: specOf(step, template, application),
  };
}

/** Why there is a Revision that no user has asked for. */
const reloadCause = "a ConfigMap or Secret that the template names was changed";

/** The record of a version: what, by whom, why. */
export function revisionOf(step: CreateRevision, application: Application): Draft<Revision> {
  const { name, namespace, uid, annotations = {} } = application.metadata;
  const { template } = application.spec;
  const isReload = step.reloads === true;
  const cause = isReload ? reloadCause : annotations[annotation.changeCause];
  const user = isReload ? undefined : annotations[annotation.changedBy];
  const { hash } = step;
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Revision",
    metadata: {
      name: step.name,
      ...(namespace === undefined ? {} : { namespace }),
      labels: { [label.application]: name, [label.templateHash]: hash },
      ...(cause === undefined ? {} : { annotations: { [annotation.changeCause]: cause } }),
      ownerReferences: [controllerReference(application)],
    },
    spec: {
      application: { name, uid },
      number: step.number,
      templateHash: hash,
      ...(step.images.length === 0 ? {} : { images: step.images }),
      ...(cause === undefined ? {} : { changeCause: cause }),
      ...(user === undefined ? {} : { createdBy: user }),
      ...(step.sameAs === undefined ? {} : { rollbackTo: step.sameAs }),
      template,
    },
  };
}
