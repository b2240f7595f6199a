import type { Pod } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import type { Engine } from "../engine/engine.ts";
import { membersOf, networkRoot } from "./containers.ts";
import { type ContainerFact, isUp } from "./facts.ts";
import type { Reach } from "./probe-check.ts";
import type { Subject } from "./prober.ts";

/**
 * How the agent gets at ports of containers. On its own machine it reaches them by their address;
 * an engine elsewhere shows only what its host publishes.
 */
export type Reacher = {
  /** Whether container addresses of this engine can be dialled from here. */
  readonly direct: boolean;
  /** Address of the host as seen from here. */
  readonly host: string;
};

/** How an engine's containers can be reached, from its endpoint. */
export function reacherOf(endpoint: string, platform: string): Reacher {
  const url = URL.parse(endpoint);
  // Docker on macOS and Windows runs in a machine of its own: only published ports get out.
  if (url === null || url.protocol === "unix:" || url.protocol === "npipe:")
    return { direct: platform === "linux", host: "127.0.0.1" };
  return { direct: false, host: url.hostname.replace(/^\[|\]$/g, "") };
}

type Target = ReturnType<Reach["dial"]>;

/** Where a pod's ports are looked for. */
export type PortPlace = {
  readonly pod: Pod;
  /** Address of its network; empty if it has none. */
  readonly ip: string;
  readonly reacher: Reacher;
  /** What else its user could do, e.g. `use an exec probe`. */
  readonly advice: string;
};

/** Where to connect for a port of a pod, or why that cannot be done. */
export function dialTo({ pod, ip, reacher, advice }: PortPlace, port: number): Target {
  if (pod.spec.hostNetwork === true) return { host: reacher.host, port };
  if (reacher.direct && ip !== "") return { host: ip, port };
  const ports = membersOf(pod.spec).flatMap(({ spec }) => spec.ports ?? []);
  const published = ports.find(
    ({ containerPort, hostPort }) => containerPort === port && (hostPort ?? 0) > 0,
  );
  if (published?.hostPort !== undefined) return { host: reacher.host, port: published.hostPort };
  const why = reacher.direct
    ? "the container has no address"
    : `the engine is on another machine; publish the port as hostPort, or ${advice}`;
  return { why: `Cannot reach port ${port}: ${why}` };
}

/** The address of a pod's network on its engine; empty while it has none. */
export function addressOf({ spec }: Pod, facts: readonly ContainerFact[]): string {
  const root = networkRoot(spec);
  return facts.find((fact) => fact.name === root && isUp(fact))?.ip ?? "";
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
  const place: PortPlace = { pod, ip: addressOf(pod, facts), reacher, advice };
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
