import { segment } from "../engine/transport.ts";
import type { RouteWorld } from "../node-route.ts";
import { askEngine, type Asked } from "./ask-engine.ts";
import { isOurs, ownedContainer, ownedThing, podOf } from "./ownership.ts";

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

type WireContainer = {
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
  const path = `${version}/containers/${segment(given)}/json`;
  const asked = await askEngine<WireContainer>(world, path, signal);
  if ("refusal" in asked) return asked;
  const { Id: id, Name, Config } = asked.value;
  const name = Name.replace(/^\//, "");
  const pod = podOf(Config.Labels, world.host.cluster);
  if (pod !== undefined && !override) throw ownedContainer(name, pod);
  return { value: { id, name, image: Config.Image } };
}

/** The container that an exec instance runs in. @throws StatusError as {@link changeableContainer} */
export async function changeableExec(lookup: Lookup, id: string): Promise<Asked<FoundContainer>> {
  const { world, version, signal } = lookup;
  const path = `${version}/exec/${segment(id)}/json`;
  const asked = await askEngine<{ readonly ContainerID: string }>(world, path, signal);
  return "refusal" in asked ? asked : changeableContainer(lookup, asked.value.ContainerID);
}

type WireNetwork = { readonly Id: string; readonly Labels: Labels };

/** A network's id. @throws StatusError `Forbidden` when it is one of ours */
export async function changeableNetwork(
  { world, version, override, signal }: Lookup,
  given: string,
): Promise<Asked<string>> {
  const path = `${version}/networks/${segment(given)}`;
  const asked = await askEngine<WireNetwork>(world, path, signal);
  if ("refusal" in asked) return asked;
  if (isOurs(asked.value.Labels) && !override) throw ownedThing("network", given);
  return { value: asked.value.Id };
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
