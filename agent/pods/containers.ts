import type { Pod, PodSpec } from "../../api/machinery/resources.ts";

/** One container of a pod's spec. */
export type ContainerOf = PodSpec["containers"][number];

/** A container with its part in the pod. */
export type Member = {
  readonly name: string;
  readonly spec: ContainerOf;
  /**
   * `init` runs to its end before the mains start; `sidecar` is an init container that goes on
   * running; `ephemeral` was added to the running pod for debugging, and runs once.
   */
  readonly role: "init" | "sidecar" | "main" | "ephemeral";
  /** Of an ephemeral one: the container whose processes it sees. */
  readonly target?: string;
};

/** When an ended container is started again. */
export type RestartPolicy = "Always" | "OnFailure" | "Never";

/** All containers in the order of their start. */
export function membersOf(spec: PodSpec): readonly Member[] {
  const inits = (spec.initContainers ?? []).map((container): Member => {
    const role = container.restartPolicy === "Always" ? "sidecar" : "init";
    return { name: container.name, spec: container, role };
  });
  const mains = spec.containers.map((container): Member => ({
    name: container.name,
    spec: container,
    role: "main",
  }));
  const ephemerals = (spec.ephemeralContainers ?? []).map((container): Member => {
    const { targetContainerName: target = "", name } = container;
    return { name, spec: container, role: "ephemeral", ...(target === "" ? {} : { target }) };
  });
  return [...inits, ...mains, ...ephemerals];
}

/**
 * The container whose network the later ones share: the first that lives as long as the pod.
 * Init containers before it have a network of their own.
 */
export function networkRoot(spec: PodSpec): string | undefined {
  return membersOf(spec).find(({ role }) => role !== "init")?.name;
}

/** Whether the container joins the root's network instead of having its own or the host's. */
export function joinsRoot(spec: PodSpec, name: string): boolean {
  if (spec.hostNetwork === true) return false;
  const members = membersOf(spec);
  const root = members.findIndex(({ role }) => role !== "init");
  return members.findIndex((member) => member.name === name) > root && root >= 0;
}

/** The restart policy of one member. */
export function restartPolicyOf(spec: PodSpec, { role }: Member): RestartPolicy {
  if (role === "sidecar") return "Always";
  if (role === "ephemeral") return "Never";
  const policy = spec.restartPolicy ?? "Always";
  if (policy === "Never") return "Never";
  // An init container that succeeded is done, whatever the policy of the pod.
  return role === "init" || policy === "OnFailure" ? "OnFailure" : "Always";
}

/** A port of the host that the pod takes. */
export type HostPort = {
  readonly port: number;
  readonly protocol: "tcp" | "udp" | "sctp";
  /** Empty: all addresses. */
  readonly ip: string;
};

function protocolOf(protocol: string | undefined): HostPort["protocol"] {
  if (protocol === "UDP") return "udp";
  return protocol === "SCTP" ? "sctp" : "tcp";
}

/** Every host port of the pod; on the host's network each container port is one. */
export function hostPortsOf(spec: PodSpec): readonly HostPort[] {
  return membersOf(spec).flatMap((member) =>
    (member.spec.ports ?? []).flatMap((port) => {
      const number = spec.hostNetwork === true ? port.containerPort : port.hostPort;
      if (number === undefined || number === 0) return [];
      return [{ port: number, protocol: protocolOf(port.protocol), ip: port.hostIP ?? "" }];
    }),
  );
}

/** Seconds between stop signal and SIGKILL: what the deletion asks for, else the pod, else 30. */
export function graceSecondsOf(pod: Pod): number {
  const asked =
    pod.metadata.deletionTimestamp === undefined
      ? undefined
      : pod.metadata.deletionGracePeriodSeconds;
  return asked ?? pod.spec.terminationGracePeriodSeconds ?? 30;
}
