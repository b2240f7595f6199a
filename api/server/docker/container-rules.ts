import {
  absent,
  anything,
  type Check,
  fields,
  free,
  labels,
  listOf,
  mapOf,
  nothing,
  number,
  oneOf,
  text,
} from "./shape.ts";

/**
 * What a container may ask for: the level "baseline" of Kubernetes' Pod Security Standards
 * (https://kubernetes.io/docs/concepts/security/pod-security-standards/), in Docker's words, and
 * nothing that Docker has beyond it.
 */

/** Docker's own default set, NET_RAW included: to ask for it changes nothing. */
const capabilities = new Set(
  (
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP " +
    "SETGID SETPCAP SETUID SYS_CHROOT"
  ).split(" "),
);

const sysctls = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
]);

const hostPath = "a directory of the host, or a driver's mount, reaches everything there";

/** `NAME:/path[:options]`; whatever could be a path of the host is none. */
const isNamedVolume = (bind: string): boolean => /^[a-zA-Z0-9][\w.-]*:\//.test(bind);

const capability = text(
  (name) => capabilities.has(name.toUpperCase().replace(/^CAP_/, "")),
  "the capability is not one of Docker's default set",
);

const securityOption = text(
  (option) =>
    /^(no-new-privileges([:=]true)?|seccomp=builtin|apparmor=docker-default)$/.test(option),
  "it would lift what confines containers",
);

const device = nothing("devices of the host are refused");
const parent = nothing("a cgroup parent of its own escapes the limits of others");

const mount = fields({
  ...free("Target ReadOnly Consistency TmpfsOptions"),
  Type: oneOf(["volume", "tmpfs"], hostPath),
  Source: text((source) => !/[/\\~]/.test(source), hostPath),
  BindOptions: absent(hostPath),
  ImageOptions: absent("mounts of images are refused"),
  ClusterOptions: absent("volumes of a cluster are refused"),
  VolumeOptions: fields({
    ...free("NoCopy Subpath"),
    Labels: labels,
    DriverConfig: fields({
      Name: oneOf(["local"], "only the driver local"),
      Options: nothing(hostPath),
    }),
  }),
});

const limits: Readonly<Record<string, Check>> = {
  ...free(
    "CpuShares Memory NanoCpus BlkioWeight BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps " +
      "BlkioDeviceReadIOps BlkioDeviceWriteIOps CpuPeriod CpuQuota CpuRealtimePeriod " +
      "CpuRealtimeRuntime CpusetCpus CpusetMems KernelMemory KernelMemoryTCP MemoryReservation " +
      "MemorySwap MemorySwappiness PidsLimit Ulimits CpuCount CpuPercent IOMaximumIOps " +
      "IOMaximumBandwidth",
  ),
  CgroupParent: parent,
  Devices: device,
  DeviceCgroupRules: device,
  DeviceRequests: device,
  OomKillDisable: nothing("out of memory it would stop the host"),
};

const restart = fields(free("Name MaximumRetryCount"));

const hostConfig = fields({
  ...limits,
  ...free(
    "ContainerIDFile PortBindings AutoRemove ConsoleSize CapDrop Dns DnsOptions DnsSearch ExtraHosts " +
      "GroupAdd Links PublishAllPorts ReadonlyRootfs StorageOpt Tmpfs ShmSize Init",
  ),
  RestartPolicy: restart,
  Binds: listOf(text(isNamedVolume, hostPath)),
  Mounts: listOf(mount),
  LogConfig: fields({
    Type: oneOf(
      ["json-file", "local", "none", "journald"],
      "the driver makes the host connect elsewhere",
    ),
    Config: anything,
  }),
  NetworkMode: text((mode) => mode !== "host", "the network of the host is refused"),
  PidMode: nothing("processes of the host, or of other containers, are refused"),
  IpcMode: oneOf(["none", "private", "shareable"], "IPC of the host, or of others, is refused"),
  UTSMode: nothing("the host name of the host is refused"),
  UsernsMode: nothing("the user namespace of the host is refused"),
  CgroupnsMode: oneOf(["private"], "the cgroup namespace of the host is refused"),
  Cgroup: nothing("a cgroup of others is refused"),
  VolumeDriver: oneOf(["local"], "only the driver local"),
  VolumesFrom: nothing("volumes of other containers are refused, whatever they are"),
  CapAdd: listOf(capability),
  Capabilities: nothing("a list of all capabilities is refused"),
  OomScoreAdj: number((value) => value >= 0, "it would be killed after everything else"),
  Privileged: nothing("privileged containers are refused"),
  SecurityOpt: listOf(securityOption),
  Sysctls: mapOf(
    anything,
    text((name) => sysctls.has(name), "the sysctl is not confined to the container"),
  ),
  Runtime: oneOf(["runc", "io.containerd.runc.v2"], "only the runtime runc"),
  Isolation: oneOf(["default"], "only the default isolation"),
  Annotations: nothing("annotations are orders to the runtime"),
  MaskedPaths: absent("it would show what is hidden from containers"),
  ReadonlyPaths: absent("it would open what containers cannot write"),
});

/** What joins a container to a network. */
export const endpointSettings = fields({
  ...free(
    "IPAMConfig Links Aliases NetworkID EndpointID Gateway IPAddress IPPrefixLen IPv6Gateway " +
      "GlobalIPv6Address GlobalIPv6PrefixLen MacAddress DNSNames GwPriority",
  ),
  DriverOpts: nothing("options of network drivers are refused"),
});

const config: Readonly<Record<string, Check>> = {
  ...free(
    "Hostname Domainname User AttachStdin AttachStdout AttachStderr ExposedPorts Tty OpenStdin " +
      "StdinOnce Env Cmd Healthcheck ArgsEscaped Image Volumes WorkingDir Entrypoint NetworkDisabled " +
      "MacAddress OnBuild StopSignal StopTimeout Shell",
  ),
  Labels: labels,
};

/** `POST /containers/create`. */
export const containerCreate = fields({
  ...config,
  HostConfig: hostConfig,
  NetworkingConfig: fields({
    EndpointsConfig: mapOf(
      endpointSettings,
      text((name) => name !== "host", "the network of the host is refused"),
    ),
  }),
});

/** `POST /commit`: the configuration of an image. */
export const imageConfig = fields(config);

/** `POST /containers/ID/update`. */
export const containerUpdate = fields({ ...limits, RestartPolicy: restart });

/** `POST /containers/ID/exec`. */
export const execCreate = fields({
  ...free(
    "AttachStdin AttachStdout AttachStderr DetachKeys Tty Env Cmd ConsoleSize User WorkingDir Detach",
  ),
  Privileged: nothing("privileged commands are refused"),
});

/** `POST /exec/ID/start`. */
export const execStart = fields(free("Detach Tty ConsoleSize"));
