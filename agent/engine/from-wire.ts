import type {
  ContainerDetail,
  ContainerHealth,
  ContainerLimits,
  ContainerPhase,
  ContainerState,
  ContainerSummary,
  ImageDetail,
  PublishedPort,
} from "./engine.ts";

type Labels = Readonly<Record<string, string>> | null;

/** A row of `GET /containers/json`; only what we read. */
export type WireSummary = {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly Labels: Labels;
  readonly State: string;
  readonly Status: string;
  readonly Created: number;
  readonly Ports?:
    | readonly {
        readonly IP?: string;
        readonly PrivatePort: number;
        readonly PublicPort?: number;
        readonly Type: string;
      }[]
    | null;
};

type WireState = {
  readonly Status: string;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly OOMKilled: boolean;
  readonly Error: string;
  readonly StartedAt: string;
  readonly FinishedAt: string;
  readonly Health?: {
    readonly Status: string;
    readonly FailingStreak: number;
    readonly Log: readonly { readonly Output: string }[] | null;
  } | null;
};

type WireHostConfig = {
  readonly NetworkMode: string;
  readonly Memory?: number;
  readonly MemoryReservation?: number;
  readonly CpuShares?: number;
  readonly NanoCpus?: number;
  readonly CpuQuota?: number;
  readonly CpuPeriod?: number;
};

/** `GET /containers/{id}/json`; only what we read. */
export type WireContainer = {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly Created: string;
  readonly State: WireState;
  readonly RestartCount: number;
  readonly Config: { readonly Image: string; readonly Labels: Labels; readonly Tty: boolean };
  readonly HostConfig: WireHostConfig;
  readonly Mounts:
    | readonly {
        readonly Type: string;
        readonly Name?: string;
        readonly Source: string;
        readonly Destination: string;
        readonly RW: boolean;
      }[]
    | null;
  readonly NetworkSettings: {
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    > | null;
    readonly Networks: Readonly<
      Record<string, { readonly IPAddress: string; readonly GlobalIPv6Address: string }>
    > | null;
  };
};

/** `GET /images/{name}/json`; only what we read. */
export type WireImage = {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Size: number;
  readonly Os: string;
  readonly Architecture: string;
  readonly Config?: {
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null;
    readonly Healthcheck?: { readonly Test?: readonly string[] | null } | null;
    readonly User?: string;
  } | null;
};

const maxHealthOutputChars = 4096;

/** The engine writes year 1 for "never". */
export function timeMs(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) || ms <= 0 ? undefined : ms;
}

const bareName = (name: string): string => name.replace(/^\//, "");

/** A container linked into others has more names; its own has no second slash. */
function ownName(names: readonly string[] | null): string {
  const own = (names ?? []).find((name) => !name.slice(1).includes("/"));
  return bareName(own ?? names?.[0] ?? "");
}

/** One row of the list. */
export function toSummary(wire: WireSummary): ContainerSummary {
  return {
    id: wire.Id,
    name: ownName(wire.Names),
    image: wire.Image,
    imageId: wire.ImageID,
    labels: wire.Labels ?? {},
    phase: wire.State as ContainerPhase,
    status: wire.Status,
    ports: toListedPorts(wire.Ports),
    createdAtMs: wire.Created * 1000,
  };
}

function toListedPorts(wire: WireSummary["Ports"]): readonly PublishedPort[] {
  return (wire ?? []).flatMap(({ IP, PrivatePort, PublicPort, Type }) => {
    if (PublicPort === undefined || PublicPort === 0) return [];
    const protocol = Type as PublishedPort["protocol"];
    return [{ containerPort: PrivatePort, protocol, hostIp: IP ?? "", hostPort: PublicPort }];
  });
}

function toHealth(wire: WireState["Health"]): ContainerHealth | undefined {
  if (wire === null || wire === undefined) return undefined;
  const { Status: status } = wire;
  if (status !== "starting" && status !== "healthy" && status !== "unhealthy") return undefined;
  const lastOutput = wire.Log?.at(-1)?.Output ?? "";
  return {
    status,
    failingStreak: wire.FailingStreak,
    lastOutput: lastOutput.slice(0, maxHealthOutputChars),
  };
}

function toState(wire: WireState): ContainerState {
  const startedAtMs = timeMs(wire.StartedAt);
  const finishedAtMs = timeMs(wire.FinishedAt);
  const health = toHealth(wire.Health);
  return {
    phase: wire.Status as ContainerPhase,
    pid: wire.Pid,
    exitCode: wire.ExitCode,
    oomKilled: wire.OOMKilled,
    error: wire.Error,
    ...(startedAtMs === undefined ? {} : { startedAtMs }),
    ...(finishedAtMs === undefined ? {} : { finishedAtMs }),
    ...(health === undefined ? {} : { health }),
  };
}

function toPorts(wire: WireContainer["NetworkSettings"]["Ports"]): readonly PublishedPort[] {
  return Object.entries(wire ?? {}).flatMap(([key, bindings]) => {
    const [port = "", protocol = "tcp"] = key.split("/");
    return (bindings ?? []).map(({ HostIp, HostPort }) => ({
      containerPort: Number(port),
      protocol: protocol as PublishedPort["protocol"],
      hostIp: HostIp,
      hostPort: Number(HostPort),
    }));
  });
}

function toAddresses(
  wire: WireContainer["NetworkSettings"]["Networks"],
): Readonly<Record<string, string>> {
  const known = Object.entries(wire ?? {}).flatMap(([name, network]) => {
    const address = network.IPAddress || network.GlobalIPv6Address;
    return address ? [[name, address] as const] : [];
  });
  return Object.fromEntries(known);
}

/** The kernel's own period, in microseconds: what `--cpus` is turned into. */
const defaultPeriodMicros = 100_000;

function toLimits(wire: WireHostConfig): ContainerLimits {
  const { NanoCpus = 0, CpuQuota = 0, CpuPeriod = 0 } = wire;
  const period = CpuPeriod === 0 ? defaultPeriodMicros : CpuPeriod;
  const quota = NanoCpus > 0 ? Math.round((NanoCpus * period) / 1e9) : Math.max(0, CpuQuota);
  return {
    memoryBytes: wire.Memory ?? 0,
    memoryReservationBytes: wire.MemoryReservation ?? 0,
    cpuShares: wire.CpuShares ?? 0,
    cpuQuotaMicros: quota,
    cpuPeriodMicros: quota === 0 ? 0 : period,
  };
}

/** Everything about one container. */
export function toDetail(wire: WireContainer): ContainerDetail {
  return {
    id: wire.Id,
    name: bareName(wire.Name),
    image: wire.Config.Image,
    imageId: wire.Image,
    labels: wire.Config.Labels ?? {},
    createdAtMs: Date.parse(wire.Created),
    state: toState(wire.State),
    restartCount: wire.RestartCount,
    tty: wire.Config.Tty,
    networkMode: wire.HostConfig.NetworkMode,
    limits: toLimits(wire.HostConfig),
    addresses: toAddresses(wire.NetworkSettings.Networks),
    ports: toPorts(wire.NetworkSettings.Ports),
    mounts: (wire.Mounts ?? []).map((mount) => ({
      type: mount.Type,
      source: mount.Type === "volume" ? (mount.Name ?? mount.Source) : mount.Source,
      target: mount.Destination,
      readOnly: !mount.RW,
    })),
  };
}

/** An image as the engine holds it. */
export function toImage(wire: WireImage): ImageDetail {
  const test = wire.Config?.Healthcheck?.Test ?? [];
  return {
    id: wire.Id,
    digests: wire.RepoDigests ?? [],
    tags: wire.RepoTags ?? [],
    sizeBytes: wire.Size,
    os: wire.Os,
    arch: wire.Architecture,
    exposedPorts: Object.keys(wire.Config?.ExposedPorts ?? {}),
    hasHealthcheck: test.length > 0 && test[0] !== "NONE",
    user: wire.Config?.User ?? "",
  };
}
