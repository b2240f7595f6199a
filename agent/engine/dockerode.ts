import type { Clock } from "../../api/machinery/clock.ts";
import { unavailable } from "../../api/machinery/errors.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { createContainerIo } from "./container-io.ts";
import { createContainers } from "./containers.ts";
import { type EndpointOptions, parseEndpoint } from "./endpoint.ts";
import type { Engine, EngineInfo } from "./engine.ts";
import type { Doing } from "./errors.ts";
import { followEvents } from "./events.ts";
import { createGate, type Gate } from "./gate.ts";
import { createUpkeep } from "./docker-upkeep.ts";
import { createImages } from "./images.ts";
import { createNetworks } from "./networks.ts";
import type { Deadlines, Parts } from "./parts.ts";
import { createTransport, type Transport } from "./transport.ts";
import { createVolumes } from "./volumes.ts";

/** How an engine is opened; everything has a default. */
export type EngineOptions = EndpointOptions & {
  /** Creates, starts and removes at once. Integer, 1 or more; default: twice the engine's CPUs, 8 to 16. */
  readonly concurrency?: number;
  /** Default: reads 30 s, changes 120 s, pulls 300 s of silence. */
  readonly deadlines?: Partial<Deadlines>;
  readonly clock?: Clock;
};

const defaultDeadlines: Deadlines = { readMs: 30_000, changeMs: 120_000, pullMs: 300_000 };

/** A stop mostly waits for the process, so many may wait together. */
const stopsAtOnce = 64;

type WireInfo = {
  readonly ID: string;
  readonly Name: string;
  readonly ServerVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  readonly OperatingSystem: string;
  readonly KernelVersion: string;
  readonly NCPU: number;
  readonly MemTotal: number;
  readonly Labels: readonly string[] | null;
};

/** The label by which the simulated engine tells what it is. */
export const simulatedLabel = "lighthouse.dev/simulated";

const goArch: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
  armv7l: "arm",
  i686: "386",
};

function toLabels(wire: WireInfo["Labels"]): Readonly<Record<string, string>> {
  const pairs = (wire ?? []).map((label) => {
    const [key = "", ...value] = label.split("=");
    return [key, value.join("=")] as const;
  });
  return Object.fromEntries(pairs);
}

function toInfo(wire: WireInfo, apiVersion: string): EngineInfo {
  const labels = toLabels(wire.Labels);
  return {
    id: wire.ID,
    name: wire.Name,
    version: wire.ServerVersion,
    apiVersion,
    os: wire.OSType,
    arch: goArch[wire.Architecture] ?? wire.Architecture,
    osImage: wire.OperatingSystem,
    kernel: wire.KernelVersion,
    cpus: wire.NCPU,
    memoryBytes: wire.MemTotal,
    labels,
    simulated: labels[simulatedLabel] === "true",
  };
}

function createInfo(transport: Transport, url: string, deadlines: Deadlines) {
  return async (signal?: AbortSignal): Promise<EngineInfo> => {
    const doing: Doing = { action: "read engine information", kind: "engines", name: url };
    const apiVersion = await transport.apiVersion(signal);
    const wire = await transport.json<WireInfo>({
      method: "GET",
      path: "/info",
      doing,
      deadlineMs: deadlines.readMs,
      signal,
    });
    if (wire === undefined)
      throw unavailable(`Cannot read engine information of ${url}: no answer`);
    return toInfo(wire, apiVersion);
  };
}

/** Measured on two cores: 8 is 10 % faster than 4, and beyond 8 only the slowest start gets slower. */
const fittingConcurrency = (cpus: number): number => Math.min(16, Math.max(8, 2 * cpus));

/** A gate as wide as the engine can use; measured at the first call that needs it. */
function createWorkGate(
  fixed: number | undefined,
  info: () => Promise<EngineInfo>,
): () => Promise<Gate> {
  let gate: Promise<Gate> | undefined;
  const open = async (): Promise<Gate> =>
    createGate(fixed ?? fittingConcurrency((await info()).cpus));
  return () => {
    gate ??= open().catch((err: unknown) => {
      gate = undefined; // the engine was away: measure again next time
      throw err;
    });
    return gate;
  };
}

/**
 * Opens a Docker host by its URL (see `parseEndpoint`). Connects at the first call, so it succeeds
 * also while the engine is away; dispose it to drop its connections.
 *
 * @throws StatusError `BadRequest` for a URL that cannot be one.
 */
export function openEngine(url: string, options: EngineOptions = {}): Engine {
  const endpoint = parseEndpoint(url, options);
  const deadlines = { ...defaultDeadlines, ...options.deadlines };
  const clock = options.clock ?? systemClock;
  const transport = createTransport(endpoint);
  const info = createInfo(transport, endpoint.url, deadlines);
  const work = createWorkGate(options.concurrency, () => info());
  const parts: Parts = { transport, deadlines, work, stops: createGate(stopsAtOnce) };
  const filters = JSON.stringify({ type: ["container", "image"] });

  const connectEvents = async (signal: AbortSignal) => {
    const doing: Doing = { action: "follow events", kind: "engines", name: endpoint.url };
    const body = await transport.open({
      method: "GET",
      path: "/events",
      query: { filters },
      doing,
      deadlineMs: deadlines.readMs,
      signal,
    });
    if (body === undefined) throw unavailable(`Cannot follow events of ${endpoint.url}: no answer`);
    return body;
  };

  return {
    endpoint: endpoint.url,
    containers: createContainers(parts),
    io: createContainerIo(parts),
    images: createImages(parts),
    volumes: createVolumes(parts),
    upkeep: createUpkeep(parts, endpoint.url),
    networks: createNetworks(parts),
    info,
    passThrough: transport.passThrough,
    ...(transport.forward === undefined ? {} : { forward: transport.forward }),
    ping: (signal) => transport.ping(signal),
    events: (signal) => followEvents(connectEvents, clock, signal),
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
}
