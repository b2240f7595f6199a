import {
  type AnyContainer,
  type Check,
  containersOf,
  named,
  plural,
  quoted,
  setters,
  sorted,
  type Subject,
  type Violation,
} from "./check.ts";

/** Capabilities that may be added: those that containers have unless they drop them. */
const defaultCapabilities = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
]);

/** Sysctls that reach no further than the pod, and the minor version that first allowed each. */
const safeSysctls: Readonly<Record<string, number>> = {
  "kernel.shm_rmid_forced": 0,
  "net.ipv4.ip_local_port_range": 0,
  "net.ipv4.ip_unprivileged_port_start": 0,
  "net.ipv4.ping_group_range": 0,
  "net.ipv4.tcp_syncookies": 0,
  "net.ipv4.ip_local_reserved_ports": 27,
  "net.ipv4.tcp_fin_timeout": 29,
  "net.ipv4.tcp_keepalive_intvl": 29,
  "net.ipv4.tcp_keepalive_probes": 29,
  "net.ipv4.tcp_keepalive_time": 29,
  "net.ipv4.tcp_rmem": 32,
  "net.ipv4.tcp_wmem": 32,
};

const apparmorPrefix = "container.apparmor.security.beta.kubernetes.io/";
const confined = new Set(["RuntimeDefault", "Localhost"]);

/** Whether a profile confines. */
export const isConfined = (type: string | undefined): boolean => confined.has(type ?? "");

const isAllowedAnnotation = (value: string): boolean =>
  value === "" || value === "runtime/default" || value.startsWith("localhost/");

function appArmor(subject: Subject): Violation | undefined {
  const ofPod = subject.spec.securityContext?.appArmorProfile;
  const isBad = (profile: { readonly type?: string } | undefined): boolean =>
    profile !== undefined && !isConfined(profile.type);
  const containers = containersOf(subject).filter(({ securityContext }) =>
    isBad(securityContext?.appArmorProfile),
  );
  const types = [
    ...(isBad(ofPod) ? [ofPod?.type ?? ""] : []),
    ...containers.map(({ securityContext }) => securityContext?.appArmorProfile?.type ?? ""),
  ];
  const annotations = Object.entries(subject.annotations)
    .filter(([key, value]) => key.startsWith(apparmorPrefix) && !isAllowedAnnotation(value))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const bad = [...sorted(types), ...sorted(annotations)];
  if (bad.length === 0) return undefined;
  const by = [
    setters(isBad(ofPod), containers),
    annotations.length === 0 ? "" : plural("annotation", "annotations", annotations.length),
  ].filter((text) => text !== "");
  return {
    reason: plural("forbidden AppArmor profile", "forbidden AppArmor profiles", bad.length),
    detail: `${by.join(" and ")} must not set AppArmor profile type to ${quoted(bad)}`,
  };
}

/** Containers that add capabilities beyond the allowed ones, and those capabilities. */
export function addedBeyond(
  subject: Subject,
  allowed: ReadonlySet<string>,
): { readonly containers: readonly AnyContainer[]; readonly added: readonly string[] } {
  const beyond = ({ securityContext }: AnyContainer): readonly string[] =>
    (securityContext?.capabilities?.add ?? []).filter((name) => !allowed.has(name));
  const containers = containersOf(subject).filter((container) => beyond(container).length > 0);
  return { containers, added: sorted(containers.flatMap(beyond)) };
}

function capabilities(subject: Subject): Violation | undefined {
  const { containers, added } = addedBeyond(subject, defaultCapabilities);
  if (containers.length === 0) return undefined;
  const detail = `${named(containers)} must not include ${quoted(added)} in securityContext.capabilities.add`;
  return { reason: "non-default capabilities", detail };
}

function hostNamespaces({ spec }: Subject): Violation | undefined {
  const shared = (["hostNetwork", "hostPID", "hostIPC"] as const).filter(
    (field) => spec[field] === true,
  );
  if (shared.length === 0) return undefined;
  return { reason: "host namespaces", detail: shared.map((field) => `${field}=true`).join(", ") };
}

function hostPath({ spec }: Subject): Violation | undefined {
  const names = (spec.volumes ?? [])
    .filter((volume) => volume.hostPath !== undefined)
    .map(({ name }) => name);
  if (names.length === 0) return undefined;
  const detail = `${plural("volume", "volumes", names.length)} ${quoted(names)}`;
  return { reason: "hostPath volumes", detail };
}

function hostPorts(subject: Subject): Violation | undefined {
  const taken = ({ ports = [] }: AnyContainer): readonly number[] =>
    ports
      .map((port) => port.hostPort ?? 0)
      .filter((port) => port !== 0 && !subject.allowsHostPort(port));
  const containers = containersOf(subject).filter((container) => taken(container).length > 0);
  if (containers.length === 0) return undefined;
  const ports = sorted(containers.flatMap(taken).map(String));
  const uses = plural("uses", "use", containers.length);
  const what = plural("hostPort", "hostPorts", ports.length);
  return {
    reason: "hostPort",
    detail: `${named(containers)} ${uses} ${what} ${ports.join(", ")}`,
  };
}

type Asks = { readonly host?: string } | undefined;

function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer) {
  return [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
    .flatMap((asks): readonly Asks[] => [asks?.httpGet, asks?.tcpSocket])
    .map((asks) => asks?.host ?? "")
    .filter((host) => host !== "");
}

function hostProbes(subject: Subject): Violation | undefined {
  const containers = containersOf(subject).filter((container) => hostsOf(container).length > 0);
  if (containers.length === 0) return undefined;
  const hosts = sorted(containers.flatMap(hostsOf));
  const reason = "probe or lifecycle host";
  const names = sorted(containers.map(({ name }) => name));
  const who = `${plural("container", "containers", names.length)} ${quoted(names)}`;
  const what = plural(reason, `${reason}s`, hosts.length);
  return {
    reason,
    detail: `${who} ${plural("uses", "use", names.length)} ${what} ${quoted(hosts)}`,
  };
}

function privileged(subject: Subject): Violation | undefined {
  const containers = containersOf(subject).filter(
    ({ securityContext }) => securityContext?.privileged === true,
  );
  if (containers.length === 0) return undefined;
  const detail = `${named(containers)} must not set securityContext.privileged=true`;
  return { reason: "privileged", detail };
}

function procMount(subject: Subject): Violation | undefined {
  const mounted = ({ securityContext }: AnyContainer): string =>
    securityContext?.procMount ?? "Default";
  const containers = containersOf(subject).filter((one) => mounted(one) !== "Default");
  if (containers.length === 0) return undefined;
  const types = quoted(sorted(containers.map(mounted)));
  const detail = `${named(containers)} must not set securityContext.procMount to ${types}`;
  return { reason: "procMount", detail };
}

type SeLinux = { readonly type?: string; readonly user?: string; readonly role?: string };
const selinuxTypes = new Set(["", "container_t", "container_init_t", "container_kvm_t"]);

function typesSince(minor: number): ReadonlySet<string> {
  return minor >= 31 ? new Set([...selinuxTypes, "container_engine_t"]) : selinuxTypes;
}

function seLinux(subject: Subject, minor: number): Violation | undefined {
  const types = typesSince(minor);
  const isBad = (options: SeLinux | undefined): boolean =>
    options !== undefined &&
    (!types.has(options.type ?? "") || (options.user ?? "") !== "" || (options.role ?? "") !== "");
  const ofPod = subject.spec.securityContext?.seLinuxOptions;
  const containers = containersOf(subject).filter(({ securityContext }) =>
    isBad(securityContext?.seLinuxOptions),
  );
  const bad = [
    ...(ofPod !== undefined && isBad(ofPod) ? [ofPod] : []),
    ...containers.map(({ securityContext }) => securityContext?.seLinuxOptions ?? {}),
  ] as readonly SeLinux[];
  if (bad.length === 0) return undefined;
  const wrong = sorted(bad.map(({ type = "" }) => type).filter((type) => !types.has(type)));
  const data = [
    ...(wrong.length > 0 ? [`${plural("type", "types", wrong.length)} ${quoted(wrong)}`] : []),
    ...(bad.some(({ user = "" }) => user !== "") ? ["user may not be set"] : []),
    ...(bad.some(({ role = "" }) => role !== "") ? ["role may not be set"] : []),
  ].join("; ");
  const who = setters(isBad(ofPod), containers);
  return {
    reason: "seLinuxOptions",
    detail: `${who} set forbidden securityContext.seLinuxOptions: ${data}`,
  };
}

/** Who sets a seccomp profile that does not confine. */
export function seccompBaseline(subject: Subject): Violation | undefined {
  const ofPod = subject.spec.securityContext?.seccompProfile;
  const badPod = ofPod !== undefined && !isConfined(ofPod.type);
  const containers = containersOf(subject).filter(({ securityContext }) => {
    const profile = securityContext?.seccompProfile;
    return profile !== undefined && !isConfined(profile.type);
  });
  if (!badPod && containers.length === 0) return undefined;
  const types = sorted([
    ...(badPod ? [ofPod.type] : []),
    ...containers.map(({ securityContext }) => securityContext?.seccompProfile?.type ?? ""),
  ]);
  const who = setters(badPod, containers);
  const detail = `${who} must not set securityContext.seccompProfile.type to ${quoted(types)}`;
  return { reason: "seccompProfile", detail };
}

function sysctls({ spec }: Subject, minor: number): Violation | undefined {
  const forbidden = (spec.securityContext?.sysctls ?? [])
    .map(({ name }) => name)
    .filter((name) => !(Object.hasOwn(safeSysctls, name) && (safeSysctls[name] ?? 0) <= minor));
  return forbidden.length === 0
    ? undefined
    : { reason: "forbidden sysctls", detail: forbidden.join(", ") };
}

function hostProcess(subject: Subject): Violation | undefined {
  const ofPod = subject.spec.securityContext?.windowsOptions?.hostProcess === true;
  const containers = containersOf(subject).filter(
    ({ securityContext }) => securityContext?.windowsOptions?.hostProcess === true,
  );
  if (!ofPod && containers.length === 0) return undefined;
  const who = setters(ofPod, containers);
  const detail = `${who} must not set securityContext.windowsOptions.hostProcess=true`;
  return { reason: "hostProcess", detail };
}

/** The controls of the level baseline, in the order of Kubernetes' messages. */
export const baselineChecks: readonly Check[] = [
  { id: "appArmorProfile", since: 0, find: appArmor },
  {
    id: "capabilities_baseline",
    since: 0,
    find: capabilities,
    replacedBy: "capabilities_restricted",
  },
  { id: "hostNamespaces", since: 0, find: hostNamespaces },
  { id: "hostPathVolumes", since: 0, find: hostPath, replacedBy: "restrictedVolumes" },
  { id: "hostPorts", since: 0, find: hostPorts },
  { id: "hostProbesAndHostLifecycle", since: 34, find: hostProbes },
  { id: "privileged", since: 0, find: privileged },
  { id: "procMount", since: 0, find: procMount },
  { id: "seLinuxOptions", since: 0, find: seLinux },
  {
    id: "seccompProfile_baseline",
    since: 0,
    find: seccompBaseline,
    replacedBy: "seccompProfile_restricted",
  },
  { id: "sysctls", since: 0, find: sysctls },
  { id: "windowsHostProcess", since: 0, find: hostProcess },
];
