import { createHash } from "node:crypto";
import type { Draft } from "../api/machinery/object.ts";
import { type Condition, setCondition } from "../api/machinery/conditions.ts";
import { equalJson } from "../api/machinery/equality.ts";
import type { Node } from "../api/machinery/resources.ts";
import { formatTime } from "../api/machinery/time.ts";
import { nodeReason } from "../crds/conditions.ts";
import { annotation, label } from "../crds/labels.ts";
import type { Offer } from "../crds/types.gen.ts";
import type { HostTaint } from "./discovery/provider.ts";
import type { EngineInfo } from "./engine/engine.ts";
import type { NodeImage } from "./images/node-images.ts";
import type { Pressure } from "./limits/pressure.ts";
import { allocatableOf, type Offers, offerFor } from "./limits/offer.ts";

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
  /** Taints of discovery. Default none. */
  readonly taints?: readonly HostTaint[];
  /** Name that discovery wants for the Node; default: what the engine calls its host. */
  readonly name?: string;
  /** Whether the engine is reached by TCP without TLS. Default false. */
  readonly isPlain?: boolean;
  /** What its owner lends out; absent: all of it. */
  readonly offers?: Offers;
  /** What was seen of the machine; absent before the first look. */
  readonly report?: NodeReport;
  /** Address of the host, as other hosts may know it; empty when nobody knows. */
  readonly address: string;
  /** Version of the agent, e.g. `0.1.0`. */
  readonly version: string;
  /** Size of the disk that holds the containers; absent when the host is elsewhere. */
  readonly diskBytes?: number;
};

/** What the agent saw of the machine beside its engine's own words. */
export type NodeReport = {
  readonly images: readonly NodeImage[];
  readonly pressures: readonly Pressure[];
  /** Text of the annotation that remembers which images are ours; absent until that was read. */
  readonly pulledImages?: string | undefined;
};

/** Containers that one engine can hold and still answer quickly. */
const maxPods = 250;
const maxNameLength = 63;

/** The identity of a Node: the engine's, however it is reached. */
export function providerId({ id }: Pick<EngineInfo, "id">): string {
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
export function nodeNames(info: EngineInfo, wanted: string = info.name): readonly [string, string] {
  const clean = wanted
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

/** How a taint is told apart from others of its Node. */
export function taintId({ key, effect }: { readonly key: string; readonly effect: string }) {
  return `${key}:${effect}`;
}

/** The annotations that the agent answers for; those it had and that are gone are `null` in a patch. */
export function nodeAnnotations(facts: HostFacts): Readonly<Record<string, string>> {
  return {
    [annotation.endpoint]: facts.endpoint,
    ...joined(annotation.discoveredLabels, Object.keys(facts.labels)),
    ...joined(annotation.discoveredTaints, (facts.taints ?? []).map(taintId)),
    ...(facts.report?.pulledImages === undefined
      ? {}
      : { [annotation.pulledImages]: facts.report.pulledImages }),
    ...(facts.info.simulated ? { [annotation.simulated]: "true" } : {}),
  };
}

function joined(name: string, values: readonly string[]): Readonly<Record<string, string>> {
  return values.length === 0 ? {} : { [name]: values.toSorted().join(",") };
}

/** A Node as it is first written. */
export function nodeDraft(name: string, facts: HostFacts): Draft<Node> {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: nodeLabels(name, facts), annotations: nodeAnnotations(facts) },
    spec: {
      providerID: providerId(facts.info),
      ...(facts.taints === undefined || facts.taints.length === 0 ? {} : { taints: facts.taints }),
    },
  };
}

/** Why an engine is not there: one of `nodeReason`, and words. */
export type Silence = { readonly reason: string; readonly message: string };

type Verdict = { readonly type: string; readonly status: "True" | "False" | "Unknown" } & Silence;

const answers: Verdict = {
  type: "Ready",
  status: "True",
  reason: nodeReason.engineReady,
  message: "The Docker engine answers",
};

/** Plain TCP gives everybody on the network the rights of root on the host. */
function insecureCondition({ endpoint, isPlain = false }: HostFacts): Verdict {
  const local = /^\w+:\/\/(127\.|localhost|\[::1\])/.test(endpoint);
  const type = "InsecureEngine";
  return isPlain && !local
    ? {
        type,
        status: "True",
        reason: nodeReason.plainTcp,
        message: `Docker engine at ${endpoint} answers without TLS: whoever reaches it is root there`,
      }
    : { type, status: "False", reason: nodeReason.protectedEngine, message: "" };
}

function conditionsOf(before: Node | undefined, drafts: readonly Verdict[], nowMs: number) {
  const now = formatTime(nowMs);
  const known = (before?.status?.conditions ?? []) as readonly Condition[];
  return drafts.reduce<readonly Condition[]>((list, draft) => {
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

/** A condition that never was True is not worth telling. */
function liveVerdicts(before: Node | undefined, facts: HostFacts): readonly Verdict[] {
  const insecure = insecureCondition(facts);
  const known = before?.status?.conditions?.some(({ type }) => type === insecure.type) === true;
  const pressures = facts.report?.pressures ?? [];
  return [answers, ...pressures, ...(known || insecure.status === "True" ? [insecure] : [])];
}

/** What the owner of a host lends out of it. */
export function nodeOffer(name: string, facts: HostFacts): Offer {
  return offerFor(facts.offers ?? {}, nodeLabels(name, facts));
}

/** What may be asked for on a Node. */
export function nodeAllocatable(name: string, facts: HostFacts): Readonly<Record<string, string>> {
  return allocatableOf(capacityOf(facts), nodeOffer(name, facts));
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
    allocatable: nodeAllocatable(name, facts),
    conditions: conditionsOf(before, liveVerdicts(before, facts), nowMs),
    addresses,
    nodeInfo: infoOf(facts),
    ...(facts.report === undefined ? {} : { images: facts.report.images }),
  };
}

/** The status of a Node whose engine does not answer: all that is known stays, but for the verdict. */
export function lostStatus(
  before: Node | undefined,
  silence: Silence,
  nowMs: number,
): Pick<NodeStatus, "conditions"> {
  const verdict = { type: "Ready", status: "False", ...silence } as const;
  return { conditions: conditionsOf(before, [verdict], nowMs) };
}

/** The status of a Node whose host discovery shows no more. */
export function vanishedStatus(
  before: Node,
  message: string,
  nowMs: number,
): Pick<NodeStatus, "conditions"> {
  const reason = nodeReason.hostVanished;
  const verdict = { type: "Ready", status: "Unknown", reason, message } as const;
  return { conditions: conditionsOf(before, [verdict], nowMs) };
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
