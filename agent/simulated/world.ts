import { randomBytes, randomInt } from "node:crypto";
import { existsSync } from "node:fs";
import type { ContainerSpec } from "../engine/container-spec.ts";
import { ApiError, noSuchContainer, noSuchImage } from "./api-error.ts";
import { behaviourOf, type BehaviourRule } from "./behaviour.ts";
import { labelsOf, type SimulatedContainer } from "./container.ts";
import { createContainerLog } from "./container-log.ts";
import { createEventHub, type EventHub } from "./event-hub.ts";
import { createImageStore, type ImageStore } from "./image-store.ts";
import { createNetworkStore, type NetworkStore } from "./network-store.ts";
import type { SimulatedProcess } from "./process.ts";

/** A command in a container, from its creation on. */
export type SimulatedExec = {
  readonly id: string;
  readonly container: SimulatedContainer;
  readonly argv: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly env: readonly string[];
  process: SimulatedProcess | undefined;
  exitCode: number | undefined;
};

/** Everything that one simulated engine holds. */
export type World = {
  readonly images: ImageStore;
  readonly networks: NetworkStore;
  readonly events: EventHub;
  readonly execs: Map<string, SimulatedExec>;
  /** The engine's clock, in milliseconds since the Unix epoch. */
  readonly now: () => number;
  containers(): readonly SimulatedContainer[];
  /** By id, name or unambiguous start of an id. @throws ApiError 404 */
  container(id: string): SimulatedContainer;
  /** @throws ApiError 404 without the image, 409 on a taken name, 400 on what Docker refuses. */
  create(name: string, spec: ContainerSpec): SimulatedContainer;
  /** @throws ApiError 409 on a taken name. */
  rename(container: SimulatedContainer, name: string): void;
  /** Forgets a container that does not run. */
  drop(container: SimulatedContainer): void;
  /** Tells a change of a container to who follows events. */
  tell(
    container: SimulatedContainer,
    action: string,
    attributes?: Readonly<Record<string, string>>,
  ): void;
};

const leastMemoryBytes = 6 * 1024 * 1024;
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

function checkSpec(spec: ContainerSpec): void {
  const { Memory = 0, Mounts = [] } = spec.HostConfig ?? {};
  if (Memory > 0 && Memory < leastMemoryBytes)
    throw new ApiError(400, "Minimum memory limit allowed is 6MB");
  for (const { Type, Source = "" } of Mounts)
    if (Type === "bind" && !existsSync(Source))
      throw new ApiError(
        400,
        `invalid mount config for type "bind": bind source path does not exist: ${Source}`,
      );
}

function checkName(name: string): void {
  if (!namePattern.test(name))
    throw new ApiError(
      400,
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
}

/** Addresses of containers: 127.0.0.0/8 is this machine on Linux, so each can have its own. */
function createAddresses(): () => string {
  const [second = 0] = randomBytes(1);
  let next = randomInt(1 << 15);
  return () => {
    next += 1;
    // Engines differ in the second byte, 64 to 127, and where they begin, so that two rarely meet.
    return `127.${64 + (second % 64)}.${(next >> 8) & 255}.${next & 255 || 1}`;
  };
}

function findContainer(
  all: readonly SimulatedContainer[],
  wanted: string,
): SimulatedContainer | undefined {
  const name = wanted.replace(/^\//, "");
  const exact = all.find((one) => one.id === wanted || one.name === name);
  if (exact !== undefined || wanted.length < 4) return exact;
  const starting = all.filter((one) => one.id.startsWith(wanted));
  return starting.length === 1 ? starting[0] : undefined;
}

function checkFree(all: readonly SimulatedContainer[], name: string): void {
  const holder = all.find((one) => one.name === name);
  if (holder === undefined) return;
  const by = `already in use by container "${holder.id}"`;
  const rest = "You have to remove (or rename) that container to be able to reuse that name.";
  throw new ApiError(409, `Conflict. The container name "/${name}" is ${by}. ${rest}`);
}

/** An engine without containers. */
export function createWorld(rules: readonly BehaviourRule[], now: () => number): World {
  const containers = new Map<string, SimulatedContainer>();
  const images = createImageStore();
  const events = createEventHub(now);
  const nextAddress = createAddresses();
  const all = (): readonly SimulatedContainer[] => [...containers.values()];

  const tell: World["tell"] = (container, action, attributes = {}) => {
    const { id, name, spec } = container;
    const known = { ...labelsOf(container), image: spec.Image, name, ...attributes };
    events.emit("container", action, { id, attributes: known });
  };

  return {
    images,
    networks: createNetworkStore(all, now),
    events,
    execs: new Map(),
    now,
    tell,
    containers: all,
    container: (id) => {
      const found = containers.get(id) ?? findContainer(all(), id);
      if (found === undefined) throw noSuchContainer(id);
      return found;
    },
    create: (name, spec) => {
      checkName(name);
      const image = images.find(spec.Image);
      if (image === undefined) throw noSuchImage(spec.Image);
      checkSpec(spec);
      checkFree(all(), name);
      const container = newContainer(name, spec, image, { address: nextAddress(), now });
      const made = { ...container, behaviour: behaviourOf(rules, image.source) };
      containers.set(made.id, made);
      tell(made, "create");
      return made;
    },
    rename: (container, name) => {
      checkName(name);
      checkFree(all(), name);
      const oldName = `/${container.name}`;
      container.name = name;
      tell(container, "rename", { oldName });
    },
    drop: (container) => {
      containers.delete(container.id);
      tell(container, "destroy");
      for (const done of container.onRemoved) done();
    },
  };
}

function newContainer(
  name: string,
  spec: ContainerSpec,
  image: SimulatedContainer["image"],
  { address, now }: { readonly address: string; readonly now: () => number },
): SimulatedContainer {
  return {
    id: randomBytes(32).toString("hex"),
    name,
    spec,
    image,
    behaviour: {},
    createdAtMs: now(),
    log: createContainerLog(spec.Tty === true, now),
    files: new Map(),
    phase: "created",
    process: undefined,
    exitCode: 0,
    error: "",
    startedAtMs: 0,
    finishedAtMs: 0,
    restartCount: 0,
    stopped: false,
    oomKilled: false,
    health: undefined,
    address,
    served: undefined,
    cpus: undefined,
    holders: [],
    published: [],
    onExit: new Set(),
    onRemoved: new Set(),
  };
}
