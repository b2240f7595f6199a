import { setTimeout as sleep } from "node:timers/promises";
import { ApiError, noSuchImage } from "./api-error.ts";
import { behaviourOf, type BehaviourRule } from "./behaviour.ts";
import { importedConfig } from "./image-config.ts";
import { normalReference, type SimulatedImage } from "./image-store.ts";
import { type Handler, route, type Route } from "./router.ts";
import type { World } from "./world.ts";

const registryOf = (reference: string): string => {
  const [first = ""] = reference.split("/");
  return reference.includes("/") && /[.:]|^localhost$/.test(first) ? first : "registry-1.docker.io";
};

/** How a registry refuses, in the engine's words; nothing when the behaviour lets it through. */
function checkRegistry(rules: readonly BehaviourRule[], reference: string): void {
  const { pull } = behaviourOf(rules, reference);
  if (pull === undefined) return;
  const name = reference.replace(/[:@][^/]*$/, "");
  if (pull === "absent")
    throw new ApiError(404, `manifest for ${reference} not found: manifest unknown`);
  if (pull === "unauthorized")
    throw new ApiError(
      404,
      `pull access denied for ${name}, repository does not exist or may require 'docker login'`,
    );
  const registry = registryOf(reference);
  throw new ApiError(
    500,
    `Get "https://${registry}/v2/": dial tcp ${registry}: connect: connection refused`,
  );
}

function toWire(image: SimulatedImage): object {
  const { id, tags, digests, config, sizeBytes, createdAtMs } = image;
  return {
    Id: id,
    RepoTags: tags,
    RepoDigests: digests,
    Created: new Date(createdAtMs).toISOString(),
    Size: sizeBytes,
    VirtualSize: sizeBytes,
    Os: "linux",
    Architecture: process.arch === "x64" ? "amd64" : process.arch,
    Config: config,
    RootFS: { Type: "layers", Layers: [] },
  };
}

function toListed(image: SimulatedImage): object {
  const { id, tags, digests, sizeBytes, createdAtMs, config } = image;
  return {
    Id: id,
    ParentId: "",
    RepoTags: tags,
    RepoDigests: digests,
    Created: Math.floor(createdAtMs / 1000),
    Size: sizeBytes,
    VirtualSize: sizeBytes,
    SharedSize: -1,
    Containers: -1,
    Labels: config.Labels,
  };
}

function fullReference(name: string, tag: string): string {
  if (tag === "") return normalReference(name);
  return tag.startsWith("sha256:") ? `${name}@${tag}` : `${name}:${tag}`;
}

const layerBytes = 2_000_000;
const downloadSteps = 20;

/** The bytes that are there, step by step. */
async function* downloading(ms: number): AsyncGenerator<number> {
  const steps = ms > 0 ? downloadSteps : 1;
  for (let step = 1; step < steps; step += 1) {
    await sleep(ms / steps);
    yield (layerBytes * step) / steps;
  }
  yield layerBytes;
}

const pull =
  (world: World, rules: readonly BehaviourRule[]): Handler =>
  async ({ query, response }) => {
    const reference = fullReference(query.get("fromImage") ?? "", query.get("tag") ?? "");
    checkRegistry(rules, reference);
    const say = (line: object): unknown => response.write(`${JSON.stringify(line)}\r\n`);
    response.writeHead(200, { "Content-Type": "application/json" });
    const id = "5f70bf18a086";
    say({ status: `Pulling from ${reference.replace(/[:@][^/]*$/, "")}`, id: "latest" });
    say({ status: "Pulling fs layer", progressDetail: {}, id });
    for await (const current of downloading(behaviourOf(rules, reference).pullMs ?? 0))
      say({ status: "Downloading", progressDetail: { current, total: layerBytes }, id });
    say({ status: "Pull complete", progressDetail: {}, id });
    const image = world.images.pull(reference);
    world.events.emit("image", "pull", { id: reference, attributes: { name: reference } });
    say({ status: `Digest: ${world.images.digestOf(reference)}` });
    say({ status: `Status: Downloaded newer image for ${image.tags[0] ?? reference}` });
    response.end();
    return undefined;
  };

const create =
  (world: World, rules: readonly BehaviourRule[]): Handler =>
  async (call) => {
    const { query } = call;
    if (!query.has("fromSrc")) return pull(world, rules)(call);
    const archive = await call.body();
    const reference = fullReference(query.get("repo") ?? "", query.get("tag") ?? "");
    const config = importedConfig(query.getAll("changes"));
    const image = world.images.add(reference, config, archive.length);
    world.events.emit("image", "import", { id: image.id, attributes: { name: image.id } });
    return { status: 200, body: { status: image.id } };
  };

const remove =
  (world: World): Handler =>
  async ({ params: [reference = ""] }) => {
    const image = world.images.find(reference);
    if (image === undefined) throw noSuchImage(reference);
    const user = world.containers().find((container) => container.image.id === image.id);
    if (user !== undefined && image.tags.length <= 1)
      throw new ApiError(
        409,
        `conflict: unable to remove repository reference "${reference}" (must force) - ` +
          `container ${user.id.slice(0, 12)} is using its referenced image ${image.id.slice(7, 19)}`,
      );
    world.images.remove(reference);
    world.events.emit("image", "delete", { id: image.id, attributes: { name: image.id } });
    return { status: 200, body: [{ Untagged: reference }, { Deleted: image.id }] };
  };

/** Images, and the registry that has them all. */
export function imageRoutes(world: World, rules: readonly BehaviourRule[]): readonly Route[] {
  return [
    route("GET", "/images/json", async () => ({
      status: 200,
      body: world.images.list().map(toListed),
    })),
    route("POST", "/images/create", create(world, rules)),
    route("GET", "/images/*name/json", async ({ params: [reference = ""] }) => {
      const image = world.images.find(reference);
      if (image === undefined) throw noSuchImage(reference);
      return { status: 200, body: toWire(image) };
    }),
    route("DELETE", "/images/*name", remove(world)),
    route("GET", "/distribution/*name/json", async ({ params: [given = ""] }) => {
      const reference = normalReference(given);
      checkRegistry(rules, reference);
      const digest = world.images.digestOf(reference);
      const mediaType = "application/vnd.docker.distribution.manifest.v2+json";
      const Platforms = [{ architecture: "amd64", os: "linux" }];
      return { status: 200, body: { Descriptor: { mediaType, digest, size: 527 }, Platforms } };
    }),
  ];
}
