/** A published or bound port of the host; `HostPort` "" or absent lets the engine choose. */
export type PortBinding = { readonly HostIp?: string; readonly HostPort?: string };

/** A mount as the engine takes it. `bind` needs an existing host path, `volume` a name or none. */
export type MountSpec = {
  readonly Type: "bind" | "volume" | "tmpfs";
  readonly Target: string;
  readonly Source?: string;
  readonly ReadOnly?: boolean;
  readonly BindOptions?: { readonly Propagation?: string; readonly NonRecursive?: boolean };
  readonly VolumeOptions?: {
    readonly NoCopy?: boolean;
    readonly Labels?: Readonly<Record<string, string>>;
    readonly DriverConfig?: {
      readonly Name?: string;
      readonly Options?: Readonly<Record<string, string>>;
    };
  };
  readonly TmpfsOptions?: { readonly SizeBytes?: number; readonly Mode?: number };
};

/** The engine's own health check. Durations are nanoseconds, as on the wire; 0 inherits. */
export type HealthcheckSpec = {
  /** `["NONE"]`, `["CMD", ...]` or `["CMD-SHELL", line]`. */
  readonly Test?: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly Retries?: number;
};

/** The part of a container that depends on the host. Sizes in bytes, CPUs in billionths. */
export type HostConfigSpec = {
  readonly Binds?: readonly string[];
  readonly Mounts?: readonly MountSpec[];
  readonly Tmpfs?: Readonly<Record<string, string>>;
  /** Key `80/tcp`. */
  readonly PortBindings?: Readonly<Record<string, readonly PortBinding[]>>;
  readonly RestartPolicy?: {
    readonly Name: "" | "no" | "always" | "unless-stopped" | "on-failure";
    readonly MaximumRetryCount?: number;
  };
  /** `bridge`, `host`, `none`, a network's name, or `container:<id>`. */
  readonly NetworkMode?: string;
  readonly PidMode?: string;
  readonly IpcMode?: string;
  readonly Memory?: number;
  readonly MemoryReservation?: number;
  readonly MemorySwap?: number;
  readonly NanoCpus?: number;
  readonly CpuShares?: number;
  /** What the storage driver takes, e.g. `size` to `10737418240`. */
  readonly StorageOpt?: Readonly<Record<string, string>>;
  readonly PidsLimit?: number;
  readonly OomScoreAdj?: number;
  readonly ShmSize?: number;
  readonly Privileged?: boolean;
  /** Remove it when it ends. */
  readonly AutoRemove?: boolean;
  readonly ReadonlyRootfs?: boolean;
  readonly Init?: boolean;
  readonly CapAdd?: readonly string[];
  readonly CapDrop?: readonly string[];
  readonly SecurityOpt?: readonly string[];
  readonly GroupAdd?: readonly string[];
  readonly ExtraHosts?: readonly string[];
  readonly Dns?: readonly string[];
  readonly DnsSearch?: readonly string[];
  readonly DnsOptions?: readonly string[];
  readonly Sysctls?: Readonly<Record<string, string>>;
  readonly Ulimits?: readonly {
    readonly Name: string;
    readonly Soft: number;
    readonly Hard: number;
  }[];
  readonly LogConfig?: {
    readonly Type: string;
    readonly Config?: Readonly<Record<string, string>>;
  };
  readonly CgroupParent?: string;
};

/**
 * What a container shall be: the body of the Engine API's `POST /containers/create`, with Docker's
 * own field names, so that any Docker user can read it. Fields left out are the image's or the engine's.
 */
export type ContainerSpec = {
  /** A reference that the engine already holds: creating never pulls. */
  readonly Image: string;
  readonly Hostname?: string;
  readonly Domainname?: string;
  /** `uid`, `uid:gid` or names of the image. */
  readonly User?: string;
  /** `NAME=value`. */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  /** Keys such as `80/tcp`. */
  readonly ExposedPorts?: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly Healthcheck?: HealthcheckSpec;
  /** e.g. `SIGTERM`. */
  readonly StopSignal?: string;
  /** Seconds between the stop signal and SIGKILL. Integer, 0 or more. */
  readonly StopTimeout?: number;
  readonly Tty?: boolean;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly HostConfig?: HostConfigSpec;
  /** How it is found in the network that `HostConfig.NetworkMode` names. */
  readonly NetworkingConfig?: {
    readonly EndpointsConfig: Readonly<Record<string, { readonly Aliases?: readonly string[] }>>;
  };
};
