import type { Pod } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { Engine } from "../engine/engine.ts";
import type { FarPorts } from "../far/far-ports.ts";
import { membersOf, networkRoot } from "./containers.ts";
import { type ContainerFact, isUp } from "./facts.ts";
import type { Reach, Target } from "./probe-check.ts";
import type { Subject } from "./prober.ts";

/**
 * How the agent gets at ports of containers. On its own machine it reaches them by their address; an
 * engine elsewhere shows what its host publishes, and the rest goes by ways of its own.
 */
export type Reacher = {
  /** Whether container addresses of this engine can be dialled from here. */
  readonly direct: boolean;
  /** Address of the host as seen from here. */
  readonly host: string;
  /** For ports that are neither. */
  readonly far?: FarPorts | undefined;
};

/** How an engine's containers can be reached, from its endpoint. */
export function reacherOf(endpoint: string, platform: string): Reacher {
  const url = URL.parse(endpoint);
  // Docker on macOS and Windows runs in a machine of its own: only published ports get out.
  if (url === null || url.protocol === "unix:" || url.protocol === "npipe:")
    return { direct: platform === "linux", host: "127.0.0.1" };
  return { direct: false, host: url.hostname.replace(/^\[|\]$/g, "") };
}

/** Where a pod's ports are looked for. */
export type PortPlace = {
  readonly pod: Pod;
  /** The container whose network it is, while that is up. */
  readonly root: ContainerFact | undefined;
  readonly reacher: Reacher;
  /** What else its user could do, e.g. `use an exec probe`. */
  readonly advice: string;
};

/** The port as the host publishes it to the world; one on its loopback is out of reach from here. */
function publishedAs({ pod, reacher }: PortPlace, port: number): number | undefined {
  const ports = membersOf(pod.spec).flatMap(({ spec }) => spec.ports ?? []);
  const published = ports.find(
    ({ containerPort, hostPort, protocol = "TCP", hostIP = "" }) =>
      containerPort === port &&
      (hostPort ?? 0) > 0 &&
      protocol === "TCP" &&
      (reacher.far === undefined || ["", "0.0.0.0", "::"].includes(hostIP)),
  );
  return published?.hostPort;
}

/** Where to connect for a port of a pod, or why that cannot be done. */
export function dialTo(place: PortPlace, port: number): Target {
  const { pod, root, reacher, advice } = place;
  const ip = root?.ip ?? "";
  if (pod.spec.hostNetwork === true) return { host: reacher.host, port };
  if (reacher.direct && ip !== "") return { host: ip, port };
  const published = publishedAs(place, port);
  if (published !== undefined) return { host: reacher.host, port: published };
  const { far } = reacher;
  if (far !== undefined && root !== undefined) {
    const there = { pod, root, host: ip === "" ? "127.0.0.1" : ip, port, advice };
    return {
      host: there.host,
      port,
      far: {
        open: (patience) => far.open(there, patience),
        touch: (patience) => far.touch(there, patience),
      },
    };
  }
  const why =
    reacher.direct || root === undefined
      ? "the container has no address"
      : `the engine is on another machine; publish the port as hostPort, or ${advice}`;
  return { why: `Cannot reach port ${port}: ${why}` };
}

/** The container whose network is the pod's, while it is up. */
export function rootOf({ spec }: Pod, facts: readonly ContainerFact[]): ContainerFact | undefined {
  const root = networkRoot(spec);
  return facts.find((fact) => fact.name === root && isUp(fact));
}

function portNames(pod: Pod): ReadonlyMap<string, number> {
  const ports = membersOf(pod.spec).flatMap(({ spec }) => spec.ports ?? []);
  return new Map(
    ports.flatMap(({ name, containerPort }) =>
      name === undefined ? [] : [[name, containerPort] as const],
    ),
  );
}

/** What looking at containers from outside takes. */
export type Sight = { readonly engine: Engine; readonly reacher: Reacher };

/** How a running container of a pod can be asked. */
export function reachOf(
  pod: Pod,
  facts: readonly ContainerFact[],
  containerId: string,
  { engine, reacher }: Sight,
): Reach {
  const advice = "use exec instead of httpGet and tcpSocket";
  const place: PortPlace = { pod, root: rootOf(pod, facts), reacher, advice };
  return {
    engine,
    containerId,
    portNames: portNames(pod),
    dial: (port) => dialTo(place, port),
  };
}

/** The runs of a pod that can be probed now. */
export function subjectsOf(
  pod: Pod,
  facts: readonly ContainerFact[],
  sight: Sight,
): readonly Subject[] {
  return membersOf(pod.spec).flatMap((member) => {
    const fact = facts.find((one) => one.name === member.name && one.state === "running");
    if (fact === undefined || member.role === "init" || member.role === "ephemeral") return [];
    const reach = reachOf(pod, facts, fact.id, sight);
    const last = lastVerdict(pod, fact);
    return [{ uid: pod.metadata.uid, member, fact, reach, ...(last && { last }) }];
  });
}

/** What the status says of a run, if it speaks of this one and not of an earlier. */
function lastVerdict({ status }: Pod, { id, name, startedAtMs }: ContainerFact) {
  const statuses = [
    ...(status?.initContainerStatuses ?? []), // sidecars
    ...(status?.containerStatuses ?? []),
  ];
  const known = statuses.find((one) => one.name === name);
  const same =
    known?.containerID === `docker://${id}` &&
    startedAtMs !== undefined &&
    known.state?.running?.startedAt === formatTime(startedAtMs);
  if (known === undefined || !same) return undefined;
  return { started: known.started === true, ready: known.ready };
}
