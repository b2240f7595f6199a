import type { Gvk } from "../../machinery/gvk.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Pod } from "../../machinery/resources.ts";
import type { BuiltIn } from "./built-in.ts";
import { childOf, objectIn } from "./fill.ts";
import type { Body, Subresource } from "./kind.ts";
import { podColumns, podRowConditions } from "./pod-columns.ts";
import { setPodDefaults, tolerateLostNode } from "./pod-defaults.ts";
import { validateEphemeral, validatePod } from "./pod-validate.ts";

const core = (kind: string): Gvk => ({ group: "", version: "v1", kind });

/** Seconds from the request to delete a Pod to its end; nothing waits for one that does not run. */
function podGraceSeconds({ spec, status }: Pod): number {
  const ended = status?.phase === "Succeeded" || status?.phase === "Failed";
  if ((spec.nodeName ?? "") === "" || ended) return 0;
  return spec.terminationGracePeriodSeconds ?? 30;
}

const text = (read: (pod: Pod) => string | undefined) => {
  return (object: AnyObject): string => read(object as Pod) ?? "";
};

/** Debugging containers are added to a Pod that exists, and nothing else is changed. */
const ephemeralContainers: Subresource = {
  name: "ephemeralcontainers",
  responseKind: core("Pod"),
  verbs: ["get", "patch", "update"],
  updates: {
    take(sent, before) {
      const object = structuredClone(before) as unknown as Body;
      const added = objectIn(sent, "spec")?.["ephemeralContainers"];
      const spec = childOf(object, "spec");
      if (added === undefined) delete spec["ephemeralContainers"];
      else spec["ephemeralContainers"] = added;
      return object;
    },
    validate: validateEphemeral,
  },
};

const ours = { group: "lighthouse.dev", version: "v1" } as const;
const fileContent = { ...ours, kind: "FileContent" } as const;

/** core/v1 Pod: the containers that one Node runs together. */
export const podKind: BuiltIn = {
  ...core("Pod"),
  plural: "pods",
  namespaced: true,
  shortNames: ["po"],
  categories: ["all"],
  definition: "io.k8s.api.core.v1.Pod",
  status: true,
  generation: true,
  subresources: [
    { name: "archive", responseKind: fileContent, verbs: ["get"] },
    { name: "attach", responseKind: core("PodAttachOptions"), verbs: ["create", "get"] },
    { name: "binding", responseKind: core("Binding"), verbs: ["create"] },
    { name: "changes", responseKind: { ...ours, kind: "FileChangeList" }, verbs: ["get"] },
    ephemeralContainers,
    {
      name: "eviction",
      responseKind: { group: "policy", version: "v1", kind: "Eviction" },
      verbs: ["create"],
    },
    { name: "exec", responseKind: core("PodExecOptions"), verbs: ["create", "get"] },
    { name: "files", responseKind: fileContent, verbs: ["get"] },
    { name: "log", responseKind: core("Pod"), verbs: ["get"] },
    {
      name: "portforward",
      responseKind: core("PodPortForwardOptions"),
      verbs: ["create", "get"],
    },
    {
      name: "proxy",
      responseKind: core("PodProxyOptions"),
      verbs: ["create", "delete", "get", "patch", "update"],
    },
  ],
  columns: podColumns,
  rowConditions: (object) => podRowConditions(object as Pod),
  fields: {
    "spec.nodeName": text(({ spec }) => spec.nodeName),
    "spec.host": text(({ spec }) => spec.nodeName),
    "spec.restartPolicy": text(({ spec }) => spec.restartPolicy),
    "spec.schedulerName": text(({ spec }) => spec.schedulerName),
    "spec.serviceAccountName": text(({ spec }) => spec.serviceAccountName),
    "spec.hostNetwork": text(({ spec }) => String(spec.hostNetwork ?? false)),
    "status.phase": text(({ status }) => status?.phase),
    "status.podIP": text(({ status }) => status?.podIP),
    "status.podIPs": text(({ status }) => status?.podIPs?.map(({ ip }) => ip).join(",")),
    "status.nominatedNodeName": text(({ status }) => status?.nominatedNodeName),
  },
  graceSeconds: (object) => podGraceSeconds(object as Pod),
  strategy: {
    setDefaults(object) {
      // A part of a Pod is completed alone when only its status is written.
      if (object["spec"] !== undefined) setPodDefaults(object);
    },
    prepareCreate(object) {
      object["status"] = { phase: "Pending" };
      tolerateLostNode(object);
    },
    prepareUpdate: tolerateLostNode,
    validate: validatePod,
  },
};
