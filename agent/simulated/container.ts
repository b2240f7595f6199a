import type { ContainerSpec, HealthcheckSpec } from "../engine/container-spec.ts";
import type { Behaviour } from "./behaviour.ts";
import type { ContainerLog } from "./container-log.ts";
import type { SimulatedImage } from "./image-store.ts";
import type { PortHolder } from "./ports.ts";
import type { SimulatedProcess } from "./process.ts";

/** The verdict of a HEALTHCHECK so far. */
export type SimulatedHealth = {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly FailingStreak: number;
  readonly Log: readonly { readonly Output: string; readonly ExitCode: number }[];
};

/** A port on the host. */
export type HostPort = PortHolder & { readonly key: string; readonly address: string };

/** A container of the simulated engine, with all that runs for it. */
export type SimulatedContainer = {
  readonly id: string;
  name: string;
  readonly spec: ContainerSpec;
  readonly image: SimulatedImage;
  readonly behaviour: Behaviour;
  readonly createdAtMs: number;
  readonly log: ContainerLog;
  readonly files: Map<string, Buffer>;
  phase: "created" | "running" | "restarting" | "exited";
  process: SimulatedProcess | undefined;
  exitCode: number;
  error: string;
  startedAtMs: number;
  finishedAtMs: number;
  restartCount: number;
  /** Stopped by hand, so that no restart policy applies. */
  stopped: boolean;
  oomKilled: boolean;
  health: SimulatedHealth | undefined;
  address: string;
  /** Text that it serves; `undefined` while it serves nothing. */
  served: string | undefined;
  /** The CPUs it was kept to after its creation; `undefined`: as its spec says. */
  cpus: string | undefined;
  holders: PortHolder[];
  published: HostPort[];
  /** Called once at the next exit. */
  readonly onExit: Set<() => void>;
  /** Called once it is removed. */
  readonly onRemoved: Set<() => void>;
};

const never = "0001-01-01T00:00:00Z";
const iso = (ms: number): string => (ms === 0 ? never : new Date(ms).toISOString());

/** The command line of the main process. */
export function argvOf({ spec, image }: SimulatedContainer): readonly string[] {
  const entrypoint = spec.Entrypoint ?? image.config.Entrypoint;
  // As in Docker, an entrypoint of the container drops the image's command.
  const cmd = spec.Cmd ?? (spec.Entrypoint === undefined ? image.config.Cmd : []);
  return [...entrypoint, ...cmd];
}

/** Environment of every process in the container. */
export function envOf({ spec, image }: SimulatedContainer): Readonly<Record<string, string>> {
  const pairs = [...image.config.Env, ...(spec.Env ?? [])].map((line) => {
    const [name = "", ...value] = line.split("=");
    return [name, value.join("=")] as const;
  });
  return Object.fromEntries(pairs);
}

/** The health check that counts, or `undefined`. */
export function healthcheckOf({ spec, image }: SimulatedContainer): HealthcheckSpec | undefined {
  const check = { ...image.config.Healthcheck, ...spec.Healthcheck };
  const [kind] = check.Test ?? [];
  return kind === undefined || kind === "NONE" ? undefined : check;
}

/** The container's ports, e.g. `80/tcp`. */
export function portKeys({ spec, image }: SimulatedContainer): readonly string[] {
  const keys = [
    ...Object.keys(image.config.ExposedPorts),
    ...Object.keys(spec.ExposedPorts ?? {}),
    ...Object.keys(spec.HostConfig?.PortBindings ?? {}),
  ];
  return [...new Set(keys)];
}

/** Labels of the image, and over them those of the container. */
export function labelsOf({ spec, image }: SimulatedContainer): Readonly<Record<string, string>> {
  return { ...image.config.Labels, ...spec.Labels };
}

function wireState(container: SimulatedContainer): object {
  const { phase, health } = container;
  return {
    Status: phase,
    Running: phase === "running" || phase === "restarting",
    Paused: false,
    Restarting: phase === "restarting",
    OOMKilled: container.oomKilled,
    Dead: false,
    Pid: phase === "running" ? (container.process?.pid ?? 0) : 0,
    ExitCode: container.exitCode,
    Error: container.error,
    StartedAt: iso(container.startedAtMs),
    FinishedAt: iso(container.finishedAtMs),
    ...(health === undefined ? {} : { Health: health }),
  };
}

function wirePorts(container: SimulatedContainer): object {
  if (container.phase !== "running") return {};
  const keys = portKeys(container).map((key) => {
    const bound = container.published.filter((one) => one.key === key);
    const list = bound.map(({ address, port }) => ({ HostIp: address, HostPort: String(port) }));
    return [key, list.length === 0 ? null : list] as const;
  });
  return Object.fromEntries(keys);
}

function wireMounts({ spec }: SimulatedContainer): readonly object[] {
  return (spec.HostConfig?.Mounts ?? []).map((mount) => ({
    Type: mount.Type,
    ...(mount.Type === "volume" ? { Name: mount.Source ?? "" } : {}),
    Source: mount.Source ?? "",
    Destination: mount.Target,
    RW: mount.ReadOnly !== true,
  }));
}

/** As asked for at creation. */
export function networkMode({ spec }: SimulatedContainer): string {
  return spec.HostConfig?.NetworkMode ?? "default";
}

function wireNetwork(container: SimulatedContainer): object {
  const mode = networkMode(container);
  const joins = mode.startsWith("container:");
  const hasOwn = !joins && mode !== "none" && mode !== "host";
  const address = container.phase === "running" && hasOwn ? container.address : "";
  const network = { IPAddress: address, GlobalIPv6Address: "", Gateway: "" };
  return {
    IPAddress: address,
    Ports: wirePorts(container),
    Networks: joins ? {} : { [mode === "default" ? "bridge" : mode]: network },
  };
}

/** Bytes of the files that were put into it. */
export function writtenBytes({ files }: SimulatedContainer): number {
  return [...files.values()].reduce((sum, file) => sum + file.length, 0);
}

/** `GET /containers/{id}/json`. */
export function toInspect(container: SimulatedContainer): object {
  const { spec, image } = container;
  const [path = "", ...args] = argvOf(container);
  return {
    Id: container.id,
    Created: iso(container.createdAtMs),
    Path: path,
    Args: args,
    State: wireState(container),
    Image: image.id,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: "simulated",
    Platform: "linux",
    HostConfig: {
      ...spec.HostConfig,
      NetworkMode: networkMode(container),
      CpusetCpus: container.cpus ?? "",
    },
    Mounts: wireMounts(container),
    Config: {
      ...spec,
      Hostname: spec.Hostname ?? container.id.slice(0, 12),
      Env: [...image.config.Env, ...(spec.Env ?? [])],
      Cmd: spec.Cmd ?? image.config.Cmd,
      Labels: labelsOf(container),
      Tty: spec.Tty === true,
      Image: spec.Image,
    },
    NetworkSettings: wireNetwork(container),
  };
}

function statusText({ phase, exitCode, health }: SimulatedContainer): string {
  if (phase === "created") return "Created";
  if (phase === "restarting") return `Restarting (${exitCode})`;
  if (phase === "exited") return `Exited (${exitCode})`;
  return health === undefined ? "Up" : `Up (${health.Status})`;
}

/** A row of `GET /containers/json`. */
export function toRow(container: SimulatedContainer): object {
  const { spec, image } = container;
  const ports = container.phase === "running" ? container.published : [];
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: spec.Image,
    ImageID: image.id,
    Command: argvOf(container).join(" "),
    Created: Math.floor(container.createdAtMs / 1000),
    Ports: ports.map(({ key, address, port }) => ({
      IP: address,
      PrivatePort: Number.parseInt(key, 10),
      PublicPort: port,
      Type: key.split("/")[1] ?? "tcp",
    })),
    Labels: labelsOf(container),
    State: container.phase,
    Status: statusText(container),
    HostConfig: { NetworkMode: networkMode(container) },
    NetworkSettings: { Networks: {} },
    Mounts: wireMounts(container),
  };
}
