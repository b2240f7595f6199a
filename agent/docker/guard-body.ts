import type { DockerOperation } from "../../api/machinery/docker/operations.ts";
import { StatusError } from "../../api/machinery/errors.ts";
import type { Asked } from "./ask-engine.ts";
import {
  changeableContainer,
  changeableNetwork,
  changeableVolume,
  joinableContainer,
  type Lookup,
} from "./references.ts";

type Part = Readonly<Record<string, unknown>>;

const isPart = (value: unknown): value is Part =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const partOf = (value: unknown, name: string): Part => {
  const part = isPart(value) ? value[name] : undefined;
  return isPart(part) ? part : {};
};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** Networks that belong to the engine itself. */
const builtIn = new Set(["", "default", "bridge", "none", "host"]);
const containerPrefix = "container:";

/** Names that a new container joins or mounts, all of them strings. */
function namesIn(body: Part): { readonly networks: Set<string>; readonly volumes: Set<string> } {
  const host = partOf(body, "HostConfig");
  const networks = new Set(
    Object.keys(partOf(partOf(body, "NetworkingConfig"), "EndpointsConfig")),
  );
  const mode = host["NetworkMode"];
  if (typeof mode === "string" && !mode.startsWith(containerPrefix)) networks.add(mode);
  const binds = listOf(host["Binds"]).map((bind) => textOf(bind).split(":")[0] ?? "");
  const mounts = listOf(host["Mounts"]).map((mount) =>
    isPart(mount) && mount["Type"] === "volume" ? textOf(mount["Source"]) : "",
  );
  const volumes = [...binds, ...mounts].filter((name) => name !== "" && !name.startsWith("/"));
  return {
    networks: new Set([...networks].filter((name) => !builtIn.has(name))),
    volumes: new Set(volumes),
  };
}

/** Somebody who may override has made a directory of the host a volume: that is no leave for all. */
async function mayMount(lookup: Lookup, name: string): Promise<Asked<unknown>> {
  const asked = await changeableVolume(lookup, name);
  if (!("value" in asked) || !asked.value.reachesHost || lookup.override) return asked;
  throw new StatusError(
    "Forbidden",
    `Cannot mount volume ${name}: it is a directory or device of the host; it takes the right to override nodes/docker-write of this node`,
  );
}

/** A name that is not there yet is the engine's to judge. */
async function mayUse(lookup: Lookup, body: Part): Promise<void> {
  const { networks, volumes } = namesIn(body);
  const asked = [
    ...[...networks].map((name) => changeableNetwork(lookup, name)),
    ...[...volumes].map((name) => mayMount(lookup, name)),
  ];
  for (const answer of await Promise.all(asked))
    if ("refusal" in answer) answer.refusal.response.resume();
}

/** A link shows the environment of the other container. */
async function mayLink(lookup: Lookup, body: Part): Promise<void> {
  const endpoints = partOf(partOf(body, "NetworkingConfig"), "EndpointsConfig");
  const lists = [
    partOf(body, "HostConfig"),
    ...Object.keys(endpoints).map((name) => partOf(endpoints, name)),
  ];
  const names = lists.flatMap(({ Links }) =>
    listOf(Links).map((link) => textOf(link).split(":")[0] ?? ""),
  );
  for (const name of new Set(names)) {
    const asked = await changeableContainer(lookup, name);
    if ("refusal" in asked) asked.refusal.response.resume(); // the engine says so itself
  }
}

async function guardCreate(lookup: Lookup, body: Part): Promise<Asked<unknown>> {
  await mayUse(lookup, body);
  await mayLink(lookup, body);
  const host = partOf(body, "HostConfig");
  const mode = host["NetworkMode"];
  if (typeof mode !== "string" || !mode.startsWith(containerPrefix)) return { value: body };
  const asked = await joinableContainer(lookup, mode.slice(containerPrefix.length));
  if ("refusal" in asked) return asked;
  const NetworkMode = `${containerPrefix}${asked.value.id}`;
  return { value: { ...body, HostConfig: { ...host, NetworkMode } } };
}

async function guardJoin(lookup: Lookup, body: Part): Promise<Asked<unknown>> {
  const { Container } = body;
  if (typeof Container !== "string" || Container === "")
    throw new StatusError("BadRequest", "Cannot change a network: Container must be a name");
  const asked = await changeableContainer(lookup, Container);
  return "refusal" in asked ? asked : { value: { ...body, Container: asked.value.id } };
}

/**
 * A body in which names of containers are ids.
 * @throws StatusError `Forbidden` when it would join what is ours
 */
export async function guardBody(
  lookup: Lookup,
  { method, pattern }: DockerOperation,
  body: unknown,
): Promise<Asked<unknown>> {
  if (!isPart(body)) return { value: body };
  switch (`${method} ${pattern}`) {
    case "POST /containers/create":
      return guardCreate(lookup, body);
    case "POST /networks/{id}/connect":
    case "POST /networks/{id}/disconnect":
      return guardJoin(lookup, body);
    default:
      return { value: body };
  }
}
