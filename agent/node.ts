import { createHash } from "node:crypto";
import type { Draft } from "../api/machinery/object.ts";
import { type Condition, setCondition } from "../api/machinery/conditions.ts";
import { equalJson } from "../api/machinery/equality.ts";
import type { Node } from "../api/machinery/resources.ts";
import { formatTime } from "../api/machinery/time.ts";
import { annotation, label } from "../crds/labels.ts";
import type { EngineInfo } from "./engine/engine.ts";

type NodeStatus = NonNullable<Node["status"]>;

/** A Docker host as it is now, with what the agent knows beside the engine. */
export type HostFacts = {
  readonly info: EngineInfo;
  /** How the engine is reached, e.g. `unix:///run/docker.sock`. */
  readonly endpoint: string;
  /** metadata.name of the Beacon. */
  readonly beacon: string;
  /** How it was found, e.g. `local`. */
  readonly provider: string;
  /** Labels of discovery and of the Beacon's spec.nodeLabels. */
  readonly labels: Readonly<Record<string, string>>;
  /** Address of the host, as other hosts may know it; empty when nobody knows. */
  readonly address: string;
  /** Version of the agent, e.g. `0.1.0`. */
  readonly version: string;
  /** Size of the disk that holds the containers; absent when the host is elsewhere. */
  readonly diskBytes?: number;
};

/** Containers that one engine can hold and still answer quickly. */
const maxPods = 250;
const maxNameLength = 63;

/** The identity of a Node: the engine's, however it is reached. */
export function providerId({ id }: EngineInfo): string {
  return `docker://${id}`;
}

/** Six hex digits that tell engines of one host name apart. */
function suffixOf({ id }: EngineInfo): string {
  return createHash("sha256").update(id).digest("hex").slice(0, 6);
}

/**
 * The names that a Node may take, best first: the host's own, then with a suffix of the engine's
 * identity for when another engine, such as a second one on that host, has it.
 */
export function nodeNames(info: EngineInfo): readonly [string, string] {
  const clean = info.name
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, "-")
    .replace(/\.\.+/g, ".")
    .split(".")
    .map((part) => part.replace(/^-+|-+$/g, ""))
    .filter((part) => part !== "")
    .join(".");
  const base = clean === "" ? "docker" : clean;
  const suffix = suffixOf(info);
  const trim = (text: string, length: number): string =>
    text.slice(0, length).replace(/[-.]+$/, "");
  return [trim(base, maxNameLength), `${trim(base, maxNameLength - suffix.length - 1)}-${suffix}`];
}

/** The labels that the agent answers for. */
export function nodeLabels(name: string, facts: HostFacts): Readonly<Record<string, string>> {
  return {
    ...facts.labels,
    [label.hostname]: name,
    [label.os]: facts.info.os,
    [label.arch]: facts.info.arch,
    [label.beacon]: facts.beacon,
    [label.provider]: facts.provider,
  };
}

/** The annotations that the agent answers for. */
export function nodeAnnotations(facts: HostFacts): Readonly<Record<string, string>> {
  return {
    [annotation.endpoint]: facts.endpoint,
    ...(facts.info.simulated ? { [annotation.simulated]: "true" } : {}),
  };
}

/** A Node as it is first written. */
export function nodeDraft(name: string, facts: HostFacts): Draft<Node> {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: nodeLabels(name, facts), annotations: nodeAnnotations(facts) },
    spec: { providerID: providerId(facts.info) },
  };
}

/** Whether the engine answers, or why not. */
export type Liveness = { readonly ok: true } | { readonly ok: false; readonly message: string };

function readyCondition(liveness: Liveness) {
  return liveness.ok
    ? {
        type: "Ready",
        status: "True" as const,
        reason: "EngineReady",
        message: "The Docker engine answers",
      }
    : {
        type: "Ready",
        status: "False" as const,
        reason: "EngineUnreachable",
        message: liveness.message,
      };
}

/** Plain TCP gives everybody on the network the rights of root on the host. */
function insecureCondition(endpoint: string) {
  const plain = /^(tcp|http):\/\/(?!(127\.|localhost|\[::1\]))/.test(endpoint);
  return plain
    ? {
        type: "InsecureEngine",
        status: "True" as const,
        reason: "PlainTcp",
        message: `Docker engine at ${endpoint} answers without TLS: whoever reaches it is root there`,
      }
    : undefined;
}

function conditionsOf(before: Node | undefined, endpoint: string, live: Liveness, nowMs: number) {
  const now = formatTime(nowMs);
  const known = (before?.status?.conditions ?? []) as readonly Condition[];
  const drafts = [readyCondition(live), insecureCondition(endpoint)];
  return drafts.reduce<readonly Condition[]>((list, draft) => {
    if (draft === undefined) return list;
    const same = list.find(({ type }) => type === draft.type);
    const { status, reason, message } = draft;
    if (same?.status === status && same.reason === reason && same.message === message) return list;
    return setCondition(list, draft, now).map((one) =>
      one.type === draft.type ? { ...one, lastHeartbeatTime: now } : one,
    );
  }, known);
}

function capacityOf({ info, diskBytes }: HostFacts): Readonly<Record<string, string>> {
  const disk =
    diskBytes === undefined ? {} : { "ephemeral-storage": `${Math.floor(diskBytes / 1024)}Ki` };
  return {
    cpu: String(info.cpus),
    memory: `${Math.floor(info.memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
    ...disk,
  };
}

function infoOf({ info, version }: HostFacts): NonNullable<NodeStatus["nodeInfo"]> {
  return {
    architecture: info.arch,
    bootID: "",
    containerRuntimeVersion: `docker://${info.version}`,
    kernelVersion: info.kernel,
    kubeProxyVersion: "",
    kubeletVersion: `v${version}`,
    machineID: info.id,
    operatingSystem: info.os,
    osImage: info.osImage,
    systemUUID: info.id,
  };
}

/** The status of a Node whose engine answers. Conditions of others are kept. */
export function liveStatus(
  name: string,
  before: Node | undefined,
  facts: HostFacts,
  nowMs: number,
): NodeStatus {
  const capacity = capacityOf(facts);
  const addresses = [
    ...(facts.address === "" ? [] : [{ type: "InternalIP", address: facts.address }]),
    { type: "Hostname", address: facts.info.name === "" ? name : facts.info.name },
  ];
  return {
    capacity,
    allocatable: capacity,
    conditions: conditionsOf(before, facts.endpoint, { ok: true }, nowMs),
    addresses,
    nodeInfo: infoOf(facts),
  };
}

/** The status of a Node whose engine does not answer: all that is known stays, but for the verdict. */
export function lostStatus(
  before: Node | undefined,
  endpoint: string,
  message: string,
  nowMs: number,
): Pick<NodeStatus, "conditions"> {
  return { conditions: conditionsOf(before, endpoint, { ok: false, message }, nowMs) };
}

/** What of a status differs and has to be written; `undefined` when nothing does. */
export function changedStatus(
  before: Node | undefined,
  after: Partial<NodeStatus>,
): Readonly<Record<string, unknown>> | undefined {
  const known = (before?.status ?? {}) as Readonly<Record<string, unknown>>;
  const changed = Object.entries(after).filter(([field, value]) => !equalJson(known[field], value));
  return changed.length === 0 ? undefined : Object.fromEntries(changed);
}
