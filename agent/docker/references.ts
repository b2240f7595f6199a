import { containerLabel } from "../../crds/labels.ts";
import { segment } from "../engine/transport.ts";
import type { RouteWorld } from "../node-route.ts";
import { askEngine, type Asked } from "./ask-engine.ts";
import { hostReach, type ReachFacts } from "./host-reach.ts";
import {
  agentContainer,
  hostBehind,
  hostNetwork,
  isOurs,
  ownedContainer,
  ownedThing,
  podOf,
} from "./ownership.ts";

/** What asking after names is made of. */
export type Lookup = {
  readonly world: RouteWorld;
  /** Before each path, e.g. `/v1.41`; empty without a version. */
  readonly version: string;
  /** The caller may change what is ours. */
  readonly override: boolean;
  readonly signal: AbortSignal;
};

type Labels = Readonly<Record<string, string>> | null;

/** A container as its name was found: from here on it is spoken of by its id. */
export type FoundContainer = {
  readonly id: string;
  /** Without a slash. */
  readonly name: string;
  readonly image: string;
};

type WireContainer = ReachFacts & {
  readonly Id: string;
  readonly Name: string;
  readonly Config: { readonly Image: string; readonly Labels: Labels };
};

/**
 * The container of a name, id or beginning of an id. What is decided about is what is acted on: nobody
 * can give the name to another one in between.
 * @throws StatusError `Forbidden` when it is one of ours and the caller may not override
 */
export async function changeableContainer(
  { world, version, override, signal }: Lookup,
  given: string,
): Promise<Asked<FoundContainer>> {
  const asked = await inspected({ world, version, signal }, given);
  if ("refusal" in asked) return asked;
  const { Config } = asked.value;
  const found = foundIn(asked.value);
  const pod = podOf(Config.Labels, world.host.cluster);
  if (pod !== undefined && !override) throw ownedContainer(found.name, pod);
  if (Config.Labels?.[containerLabel.agent] !== undefined && !override)
    throw agentContainer(found.name);
  return { value: found };
}

function foundIn({ Id: id, Name, Config }: WireContainer): FoundContainer {
  return { id, name: Name.replace(/^\//, ""), image: Config.Image };
}

async function inspected(
  { world, version, signal }: Pick<Lookup, "world" | "version" | "signal">,
  given: string,
): Promise<Asked<WireContainer>> {
  return askEngine<WireContainer>(world, `${version}/containers/${segment(given)}/json`, signal);
}

/**
 * The container of a name whose files and processes a caller may have. Its owner is another question.
 * @throws StatusError `Forbidden` when they are those of the host, and the caller may not override
 */
export async function confinedContainer(
  lookup: Lookup,
  given: string,
): Promise<Asked<FoundContainer>> {
  const asked = await inspected(lookup, given);
  if ("refusal" in asked) return asked;
  const found = foundIn(asked.value);
  const why = lookup.override ? undefined : hostReach(asked.value);
  if (why !== undefined) throw hostBehind(found.name, why);
  return { value: found };
}

/** One that may be changed, and that is confined. @throws StatusError as both */
export async function enterableContainer(
  lookup: Lookup,
  given: string,
): Promise<Asked<FoundContainer>> {
  const asked = await changeableContainer(lookup, given);
  return "refusal" in asked ? asked : confinedContainer(lookup, asked.value.id);
}

/** Containers that join each other's network: more than these is a loop. */
const maxJoined = 4;

/** One whose network may be joined. @throws StatusError as {@link changeableContainer}, and for the host's */
export async function joinableContainer(
  lookup: Lookup,
  given: string,
  depth = 0,
): Promise<Asked<FoundContainer>> {
  const asked = await changeableContainer(lookup, given);
  if ("refusal" in asked || lookup.override) return asked;
  const details = await inspected(lookup, asked.value.id);
  if ("refusal" in details) return details;
  const mode = details.value.HostConfig?.NetworkMode ?? "";
  if (mode === "host" || depth === maxJoined)
    throw hostBehind(asked.value.name, "its network is that of the host");
  const [, next] = /^container:(.+)$/.exec(mode) ?? [];
  const behind = next === undefined ? asked : await joinableContainer(lookup, next, depth + 1);
  return "refusal" in behind ? behind : asked;
}

/** The container that an exec instance runs in. @throws StatusError as {@link enterableContainer} */
export async function enterableExec(lookup: Lookup, id: string): Promise<Asked<FoundContainer>> {
  const { world, version, signal } = lookup;
  const path = `${version}/exec/${segment(id)}/json`;
  const asked = await askEngine<{ readonly ContainerID: string }>(world, path, signal);
  return "refusal" in asked ? asked : enterableContainer(lookup, asked.value.ContainerID);
}

type WireNetwork = { readonly Id: string; readonly Labels: Labels; readonly Driver?: string };

/** A network's id. @throws StatusError `Forbidden` when it is one of ours */
export async function changeableNetwork(
  { world, version, override, signal }: Lookup,
  given: string,
): Promise<Asked<string>> {
  const path = `${version}/networks/${segment(given)}`;
  const asked = await askEngine<WireNetwork>(world, path, signal);
  if ("refusal" in asked) return asked;
  const { Id, Labels: labels, Driver } = asked.value;
  if (isOurs(labels) && !override) throw ownedThing("network", given);
  // Its name is refused before; here somebody calls it by its id.
  if (Driver === "host" && !override) throw hostNetwork(given);
  return { value: Id };
}

/** A volume as its name was found. */
export type FoundVolume = {
  readonly name: string;
  /** What its driver mounts is a directory or device of the host. */
  readonly reachesHost: boolean;
};

type WireVolume = {
  readonly Labels: Labels;
  readonly Options?: Readonly<Record<string, string>> | null;
};

/** @throws StatusError `Forbidden` when it is one of ours */
export async function changeableVolume(
  { world, version, override, signal }: Lookup,
  given: string,
): Promise<Asked<FoundVolume>> {
  const path = `${version}/volumes/${segment(given)}`;
  const asked = await askEngine<WireVolume>(world, path, signal);
  if ("refusal" in asked) return asked;
  const { Labels: labels, Options } = asked.value;
  if (isOurs(labels) && !override) throw ownedThing("volume", given);
  const reachesHost = (Options?.["device"] ?? "").startsWith("/");
  return { value: { name: given, reachesHost } };
}
