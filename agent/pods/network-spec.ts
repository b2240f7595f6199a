import type { Pod } from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import type { ContainerSpec, HostConfigSpec, PortBinding } from "../engine/container-spec.ts";
import { joinsRoot, type Member, membersOf, networkRoot } from "./containers.ts";
import { present } from "./present.ts";
import { ConfigProblem } from "./sources.ts";

/** What the network of a container depends on. */
export type NetworkSurroundings = {
  /** Name of the network of the pod's namespace. */
  readonly network: string;
  /** Id of the container whose network is shared; needed by those that join it. */
  readonly rootId?: string;
};

/** Whether the container is joined to the network of its namespace, rather than to another container or the host. */
export function isOnNetwork({ spec }: Pod, name: string): boolean {
  return spec.hostNetwork !== true && !joinsRoot(spec, name);
}

function bindingsOf(pod: Pod): Readonly<Record<string, readonly PortBinding[]>> | undefined {
  const bindings: Record<string, PortBinding[]> = {};
  for (const { spec } of membersOf(pod.spec)) {
    for (const { containerPort, hostPort, hostIP = "", protocol = "TCP" } of spec.ports ?? []) {
      if (hostPort === undefined || hostPort === 0) continue;
      const key = `${containerPort}/${protocol.toLowerCase()}`;
      (bindings[key] ??= []).push({ HostIp: hostIP, HostPort: String(hostPort) });
    }
  }
  return Object.keys(bindings).length === 0 ? undefined : bindings;
}

function exposedOf(pod: Pod): ContainerSpec["ExposedPorts"] | undefined {
  const ports = membersOf(pod.spec).flatMap(({ spec }) =>
    (spec.ports ?? []).map(
      (port) => `${port.containerPort}/${(port.protocol ?? "TCP").toLowerCase()}`,
    ),
  );
  return ports.length === 0 ? undefined : Object.fromEntries(ports.map((port) => [port, {}]));
}

function resolverOf({ spec }: Pod): Partial<HostConfigSpec> {
  const { nameservers, searches, options } = spec.dnsConfig ?? {};
  const words = (options ?? []).map(({ name = "", value }) =>
    value === undefined || value === "" ? name : `${name}:${value}`,
  );
  const hosts = (spec.hostAliases ?? []).flatMap(({ hostnames, ip }) =>
    (hostnames ?? []).map((name) => `${name}:${ip}`),
  );
  const listed = (items: readonly string[] | undefined) => (items?.length ? items : undefined);
  return present<Partial<HostConfigSpec>>({
    Dns: listed(nameservers),
    DnsSearch: listed(searches),
    DnsOptions: listed(words),
    ExtraHosts: listed(hosts),
  });
}

function sysctlsOf({ spec }: Pod): Partial<HostConfigSpec> {
  const sysctls = spec.securityContext?.sysctls ?? [];
  if (sysctls.length === 0) return {};
  return { Sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [name, value])) };
}

/** Docker refuses names, ports and resolvers of a container that uses another one's network. */
function joinedNetwork(member: Member, rootId: string | undefined): Partial<HostConfigSpec> {
  if (rootId === undefined)
    throw new ConfigProblem(`Cannot create container ${member.name}: its network is not there yet`);
  const NetworkMode = `container:${rootId}`;
  // Who was created before it was asked for does not share its memory.
  return member.role === "ephemeral" ? { NetworkMode } : { NetworkMode, IpcMode: NetworkMode };
}

/** The part of a container's host configuration that says where and how it is reached. */
export function networkConfig(
  pod: Pod,
  member: Member,
  { network, rootId }: NetworkSurroundings,
): Partial<HostConfigSpec> {
  const { spec } = pod;
  if (joinsRoot(spec, member.name)) return joinedNetwork(member, rootId);
  const isRoot = member.name === networkRoot(spec);
  const onHost = spec.hostNetwork === true;
  const joined = membersOf(spec).some(({ name }) => joinsRoot(spec, name));
  return present<Partial<HostConfigSpec>>({
    NetworkMode: onHost ? "host" : network,
    PortBindings: onHost || !isRoot ? undefined : bindingsOf(pod),
    IpcMode: isRoot && joined ? "shareable" : undefined,
    ...resolverOf(pod),
    ...(onHost ? {} : sysctlsOf(pod)),
  });
}

/** What `hostname` says in the containers of the pod. */
function hostnameOf({ spec, metadata }: Pod): string {
  return (spec.hostname ?? metadata.name).slice(0, 63).replace(/[-.]+$/, "");
}

/**
 * Names by which the other pods of the namespace on the same host find this one: the pod's own, that
 * of its Application, which stands for all its pods, and those that Kubernetes gives to pods with
 * hostname and subdomain. Each also with what Kubernetes appends to it.
 */
export function aliasesOf(pod: Pod): readonly string[] {
  const { name, namespace = "default", labels } = pod.metadata;
  const { hostname, subdomain } = pod.spec;
  const application = labels?.[label.application];
  const services = [
    ...(application === undefined ? [] : [application]),
    ...(subdomain === undefined ? [] : [`${hostname ?? name}.${subdomain}`, subdomain]),
  ];
  return [
    ...new Set([
      name,
      `${name}.${namespace}`,
      `${name}.${namespace}.pod`,
      ...(hostname === undefined ? [] : [hostname]),
      ...services.flatMap((service) => [
        service,
        `${service}.${namespace}`,
        `${service}.${namespace}.svc`,
        `${service}.${namespace}.svc.cluster.local`,
      ]),
    ]),
  ];
}

/** The part of a container's body that says how it is called and found. */
export function namesIn(pod: Pod, member: Member, network: string): Partial<ContainerSpec> {
  if (!isOnNetwork(pod, member.name)) return {};
  const isRoot = member.name === networkRoot(pod.spec);
  return present<Partial<ContainerSpec>>({
    Hostname: hostnameOf(pod),
    ExposedPorts: exposedOf(pod),
    // An init container has come and gone before anybody may rely on the pod.
    NetworkingConfig: isRoot
      ? { EndpointsConfig: { [network]: { Aliases: aliasesOf(pod) } } }
      : undefined,
  });
}
