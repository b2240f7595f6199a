import { unavailable } from "../../api/machinery/errors.ts";
import type { Doing } from "./errors.ts";
import { changeCall, type Parts, readCall } from "./parts.ts";
import type { ContainerPlace, ImageSummary, Upkeep } from "./upkeep.ts";

/** `GET /info`; only what we read. */
type WireStorage = {
  readonly DockerRootDir?: string;
  readonly Driver?: string;
  readonly DriverStatus?: readonly (readonly [string, string])[] | null;
};

/** `GET /containers/{id}/json`; only what we read. */
type WirePlace = {
  readonly State: { readonly Pid: number; readonly Running: boolean };
  readonly LogPath?: string;
  readonly SizeRw?: number;
  readonly Config: { readonly Labels: Readonly<Record<string, string>> | null };
  readonly HostConfig: { readonly CpusetCpus?: string };
  readonly Mounts:
    | readonly {
        readonly Type: string;
        readonly Name?: string;
        readonly Source: string;
        readonly Destination: string;
      }[]
    | null;
};

/** A row of `GET /images/json`; only what we read. */
type WireListedImage = {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly Size: number;
};

function toPlace(wire: WirePlace): ContainerPlace {
  const volumes = (wire.Mounts ?? []).filter(({ Type }) => Type === "volume");
  return {
    cpus: wire.HostConfig.CpusetCpus ?? "",
    pid: wire.State.Pid,
    isRunning: wire.State.Running,
    logPath: wire.LogPath ?? "",
    volumes: volumes.map(({ Name, Source, Destination }) => ({
      name: Name ?? "",
      path: Source,
      target: Destination,
    })),
    labels: wire.Config.Labels ?? {},
  };
}

/** Docker lists what lost its name as `<none>:<none>`. */
const named = (names: readonly string[] | null): readonly string[] =>
  (names ?? []).filter((name) => !name.includes("<none>"));

const toImage = ({ Id, RepoTags, RepoDigests, Size }: WireListedImage): ImageSummary => ({
  id: Id,
  digests: named(RepoDigests),
  tags: named(RepoTags),
  sizeBytes: Size,
});

/** The upkeep of one engine over HTTP; `url` names it in errors. */
export function createUpkeep(parts: Parts, url: string): Upkeep {
  const { transport, deadlines } = parts;
  const read = <T>(path: string, doing: Doing, signal: AbortSignal | undefined) =>
    transport.json<T>({ method: "GET", path, doing, deadlineMs: deadlines.readMs, signal });
  return {
    async storage(signal) {
      const doing: Doing = { action: "read engine information", kind: "engines", name: url };
      const wire = await read<WireStorage>("/info", doing, signal);
      if (wire === undefined) throw unavailable(`Cannot read storage of ${url}: no answer`);
      const { DockerRootDir: rootDir = "", Driver: driver = "", DriverStatus } = wire;
      return { rootDir, driver, facts: Object.fromEntries(DriverStatus ?? []) };
    },
    async placeOf(id, signal) {
      const call = readCall(parts, { id, action: "inspect", signal }, "json");
      const wire = await transport.json<WirePlace>({ ...call, mayBeAbsent: true });
      return wire === undefined ? undefined : toPlace(wire);
    },
    async writtenBytes(id, signal) {
      const call = readCall(parts, { id, action: "measure", signal }, "json");
      const sized = { ...call, query: { size: true }, deadlineMs: deadlines.changeMs };
      const wire = await transport.json<WirePlace>({ ...sized, mayBeAbsent: true });
      // A container that wrote nothing has no such field.
      return wire === undefined ? undefined : (wire.SizeRw ?? 0);
    },
    async pin(id, cpus, signal) {
      const call = changeCall(parts, { id, action: "pin", signal }, "update");
      await transport.json({ ...call, body: { CpusetCpus: cpus } });
    },
    async images(signal) {
      const doing: Doing = { action: "list images", kind: "images", name: "" };
      const rows = await read<readonly WireListedImage[]>("/images/json", doing, signal);
      return (rows ?? []).map(toImage);
    },
  };
}
