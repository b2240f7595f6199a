import { annotation, label } from "../../crds/labels.ts";
import type { Pod, PodSpec } from "../../api/machinery/resources.ts";
import { parseQuantity } from "../../api/machinery/quantity.ts";
import type {
  Amounts,
  HostPort,
  NodeConstraints,
  NodeRequirement,
  NodeTerm,
  PodSeen,
} from "./seen.ts";

type Container = PodSpec["containers"][number];
type RawAmounts = Readonly<Record<string, string | number>> | undefined;

/** Amounts of a map of quantities; what is no quantity is left out, as validation refuses it. */
export function toAmounts(raw: RawAmounts): Amounts {
  const amounts = new Map<string, bigint>();
  for (const [name, value] of Object.entries(raw ?? {})) {
    const quantity = parseQuantity(value);
    if (quantity !== undefined) amounts.set(name, quantity.nanos);
  }
  return amounts;
}

/** A limit without a request is a request. */
const requestsOf = ({ resources }: Container): Amounts =>
  toAmounts({ ...resources?.limits, ...resources?.requests });

function plus(one: Amounts, other: Amounts): Amounts {
  const sum = new Map(one);
  for (const [name, amount] of other) sum.set(name, (sum.get(name) ?? 0n) + amount);
  return sum;
}

function larger(one: Amounts, other: Amounts): Amounts {
  const result = new Map(one);
  for (const [name, amount] of other) {
    if (amount > (result.get(name) ?? 0n)) result.set(name, amount);
  }
  return result;
}

const none: Amounts = new Map();

/**
 * What a pod needs at its hungriest: all containers together, or an init container with the
 * sidecars that were started before it.
 */
function totalRequests({ containers, initContainers = [], overhead }: PodSpec): Amounts {
  let sidecars = none;
  let starting = none;
  for (const container of initContainers) {
    const requests = requestsOf(container);
    if (container.restartPolicy === "Always") sidecars = plus(sidecars, requests);
    starting = larger(
      starting,
      container.restartPolicy === "Always" ? sidecars : plus(sidecars, requests),
    );
  }
  const running = containers.map(requestsOf).reduce(plus, sidecars);
  const total = plus(larger(running, starting), toAmounts(overhead));
  return new Map(total).set("pods", 1_000_000_000n);
}

function hostPorts({ containers, initContainers = [], hostNetwork }: PodSpec): readonly HostPort[] {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...sidecars, ...containers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, containerPort, hostIP = "", protocol = "TCP" }) => {
      const port = hostNetwork === true ? containerPort : (hostPort ?? 0);
      return port > 0 ? [{ ip: hostIP, port, protocol }] : [];
    }),
  );
}

type Expression = {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
};

const requirements = (list: readonly Expression[] | undefined): readonly NodeRequirement[] =>
  (list ?? []).map(({ key, operator, values = [] }) => ({ key, operator, values }));

type RawTerm = {
  readonly matchExpressions?: readonly Expression[];
  readonly matchFields?: readonly Expression[];
};

const termOf = ({ matchExpressions, matchFields }: RawTerm): NodeTerm => ({
  labels: requirements(matchExpressions),
  fields: requirements(matchFields),
});

function constraintsOf({ nodeSelector = {}, affinity }: PodSpec): NodeConstraints {
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return { labels: nodeSelector };
  return { labels: nodeSelector, terms: required.nodeSelectorTerms.map(termOf) };
}

/** What the pod would like its Node to be; an Application so names where a slot was last. */
function wishesOf({ affinity }: PodSpec): Pick<PodSeen, "wishes"> {
  const preferred = affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  if (preferred.length === 0) return {};
  return {
    wishes: preferred.map(({ weight, preference }) => ({ weight, term: termOf(preference) })),
  };
}

/** Which Application and slot it belongs to, by its labels. */
function membership({ metadata }: Pod): Pick<PodSeen, "group" | "application"> {
  const { namespace = "", uid, labels = {} } = metadata;
  const application = labels[label.application];
  const slot = labels[label.slot];
  if (application === undefined) return { group: uid };
  const id = `${namespace}/${application}`;
  return { application: id, group: slot === undefined ? uid : `${id}/${slot}` };
}

function isAskedToRun({ metadata }: Pod): boolean {
  const desired = metadata.annotations?.[annotation.desiredState] ?? "Running";
  return desired === "Running" && metadata.deletionTimestamp === undefined;
}

function read(pod: Pod): PodSeen {
  const { metadata, spec } = pod;
  const { nodeName = "" } = spec;
  const replaced = metadata.annotations?.[annotation.replaces] ?? "";
  return {
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    uid: metadata.uid,
    createdAt: metadata.creationTimestamp,
    priority: spec.priority ?? 0,
    ...(nodeName === "" ? {} : { node: nodeName }),
    ...membership(pod),
    runs: isAskedToRun(pod),
    ...(replaced === "" ? {} : { replaces: replaced }),
    requests: totalRequests(spec),
    ports: hostPorts(spec),
    constraints: constraintsOf(spec),
    ...wishesOf(spec),
    tolerations: spec.tolerations ?? [],
  };
}

const known = new WeakMap<Pod, PodSeen>();

/** The facts of a pod. Objects of a cache are frozen, so each is read once. */
export function podFacts(pod: Pod): PodSeen {
  const facts = known.get(pod) ?? read(pod);
  known.set(pod, facts);
  return facts;
}
