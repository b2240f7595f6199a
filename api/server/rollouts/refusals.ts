import type { Application } from "../../../crds/types.gen.ts";
import { equalJson } from "../../machinery/equality.ts";
import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import { isEligible } from "../../machinery/node-eligibility.ts";
import type { Node } from "../../machinery/resources.ts";
import { bandwidthCauses } from "../kinds/bandwidth-validate.ts";
import { resourceCauses } from "../kinds/resource-validate.ts";
import { type HostPort, hostPortsOf, portOwners } from "./host-ports.ts";

/** What is around an Application that is about to be written. */
export type Surroundings = {
  readonly nodes: readonly Node[];
  /** All others, of all namespaces. */
  readonly others: readonly Application[];
};

/** Something that cannot work, however long one waits. */
type Refusal = {
  readonly cause: StatusCause;
  /** What it rests on: a write that leaves all of that as it was is not refused for it. */
  readonly basis: (application: Application) => unknown;
};

type Subject = {
  readonly application: Application;
  readonly ports: readonly HostPort[];
  /** Nodes where its slots may be, as far as there are Nodes. */
  readonly eligible: readonly Node[];
  /** How many slots it asks for; absent while that depends on Nodes that are not there. */
  readonly slots?: number;
};

/** Which slots there are, where they may be, and what they hold there. */
const whereabouts = (application: Application): unknown => {
  const { replicas, placement, runState, template } = application.spec;
  return [replicas, placement, runState, template.spec.nodeSelector, hostPortsOf(application)];
};

function subjectOf(application: Application, { nodes }: Surroundings): Subject {
  const { replicas, placement } = application.spec;
  const eligible = nodes.filter((node) => isEligible(node, application));
  const perNode = nodes.length === 0 ? undefined : eligible.length;
  const listed = placement.nodes.length > 0 ? placement.nodes.length : undefined;
  const slots = placement.perNode ? perNode : (listed ?? replicas);
  const ports = hostPortsOf(application);
  return { application, ports, eligible, ...(slots === undefined ? {} : { slots }) };
}

const share = (value: number | string, total: number): number =>
  typeof value === "number" ? value : (Number.parseInt(value, 10) * total) / 100;

/** More slots than the Nodes may hold: by maxPerNode, or since a host port is there once on each. */
function tooLittleRoom({ application, ports, eligible }: Subject): readonly Refusal[] {
  const { replicas, placement } = application.spec;
  const { maxPerNode } = placement;
  const [port] = ports;
  const isByPort = port !== undefined && maxPerNode !== 1;
  const most = port === undefined ? maxPerNode : 1;
  // Without any Node that fits, it waits for one: that is said by a condition.
  if (replicas === undefined || most === 0 || eligible.length === 0) return [];
  const room = most * eligible.length;
  if (replicas <= room) return [];
  const why = isByPort
    ? `each holds host port ${port.port} once; leave the hostPort out`
    : `each holds ${most} (spec.placement.maxPerNode); raise maxPerNode`;
  const fit = `${eligible.length} ${eligible.length === 1 ? "node fits" : "nodes fit"}`;
  const detail = `must be no more than ${room}: ${fit} and ${why}, ask for fewer slots, or let more nodes join first`;
  return [{ cause: invalidValue("spec.replicas", replicas, detail), basis: whereabouts }];
}

/** All slots may fail, and the rollout would be called a success with nothing running. */
function toleratesAll({ application, slots }: Subject): readonly Refusal[] {
  const { tolerateFailures } = application.spec.strategy;
  if (slots === undefined || slots === 0) return [];
  const tolerated = Math.floor(share(tolerateFailures, slots));
  if (tolerated < slots) return [];
  const detail = `must be less than the ${slots} slots there are: a rollout of which every slot may fail proves nothing`;
  const field = "spec.strategy.tolerateFailures";
  const basis: Refusal["basis"] = ({ spec }) => spec.strategy.tolerateFailures;
  return [{ cause: invalidValue(field, tolerateFailures, detail), basis }];
}

function canaryTooLarge({ application, slots }: Subject): readonly Refusal[] {
  const { count } = application.spec.strategy.canary;
  if (slots === undefined || slots === 0 || count <= slots) return [];
  const detail = `must be no more than the ${slots} slots there are: a canary is a first, small batch`;
  const basis: Refusal["basis"] = ({ spec }) => spec.strategy.canary.count;
  return [{ cause: invalidValue("spec.strategy.canary.count", count, detail), basis }];
}

/** The seconds before a slot can be good: until its first probe, and from then on. */
function delaysOf({ spec }: Application): readonly [number, number] {
  const delays = spec.template.spec.containers.map(
    ({ readinessProbe, startupProbe }) =>
      (readinessProbe?.initialDelaySeconds ?? 0) + (startupProbe?.initialDelaySeconds ?? 0),
  );
  return [Math.max(0, ...delays), spec.strategy.minReadySeconds];
}

/** A slot that may not count as good before the deadline is over fails whatever it does. */
function deadlineTooShort({ application }: Subject): readonly Refusal[] {
  const { progressDeadlineSeconds } = application.spec.strategy;
  const [delay, minReady] = delaysOf(application);
  const least = delay + minReady;
  if (delay === 0 || progressDeadlineSeconds > least) return [];
  const detail = `must be greater than ${least}: no slot is good before ${delay} s of initialDelaySeconds and ${minReady} s of minReadySeconds are over`;
  const field = "spec.strategy.progressDeadlineSeconds";
  const cause = invalidValue(field, progressDeadlineSeconds, detail);
  const basis: Refusal["basis"] = (one) => [
    one.spec.strategy.progressDeadlineSeconds,
    delaysOf(one),
  ];
  return [{ cause, basis }];
}

function portsTaken({ application }: Subject, around: Surroundings): readonly Refusal[] {
  return portOwners(application, around.others, around.nodes).map(({ port, owner, on }) => {
    const rest = on.length > 1 ? ` and ${on.length - 1} more` : "";
    const detail = `is held by Application "${owner}" on node "${on[0] ?? ""}"${rest}: use another port or other nodes`;
    return { cause: invalidValue(port.field, port.port, detail), basis: whereabouts };
  });
}

type Fields = Readonly<Record<string, unknown>>;

/** What no Pod could be made with: its slots would fail one after the other. */
function resourcesAmiss({ application }: Subject): readonly Refusal[] {
  const path = "spec.template";
  const { metadata, spec } = application.spec.template;
  const containers = (list: "containers" | "initContainers") =>
    (spec[list] ?? []).flatMap((container, index) =>
      resourceCauses(container as Fields, `${path}.spec.${list}[${index}]`),
    );
  const causes = [
    ...bandwidthCauses(metadata?.annotations, `${path}.metadata.annotations`),
    ...containers("initContainers"),
    ...containers("containers"),
  ];
  const basis: Refusal["basis"] = (one) => one.spec.template;
  return causes.map((cause) => ({ cause, basis }));
}

/** Everything about the Application that cannot work beside what is around it. */
function refusalsOf(application: Application, around: Surroundings): readonly Refusal[] {
  const subject = subjectOf(application, around);
  return [
    ...tooLittleRoom(subject),
    ...toleratesAll(subject),
    ...canaryTooLarge(subject),
    ...deadlineTooShort(subject),
    ...portsTaken(subject, around),
    ...resourcesAmiss(subject),
  ];
}

/**
 * The refusals that this write is to blame for: what it leaves as it was may stay, so that a Node
 * that left or a neighbour that came does not lock an Application.
 */
export function newRefusals(
  application: Application,
  before: Application | undefined,
  around: Surroundings,
): readonly StatusCause[] {
  return refusalsOf(application, around)
    .filter(({ basis }) => before === undefined || !equalJson(basis(application), basis(before)))
    .map(({ cause }) => cause);
}
