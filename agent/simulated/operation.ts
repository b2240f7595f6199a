import type { ContainerSpec } from "../engine/container-spec.ts";
import { labelsOf } from "./container.ts";
import type { Mishap, Operation, OperationName } from "./faults.ts";
import { ApiError } from "./api-error.ts";
import type { ApiCall, Handler, Reply } from "./router.ts";
import type { World } from "./world.ts";

const patterns: readonly (readonly [RegExp, OperationName])[] = [
  [/^POST \/images\/create$/, "pull"],
  [/^POST \/containers\/create$/, "create"],
  [/^POST \/containers\/[^/]+\/start$/, "start"],
  [/^POST \/containers\/[^/]+\/stop$/, "stop"],
  [/^POST \/containers\/[^/]+\/kill$/, "kill"],
  [/^DELETE \/containers\/[^/]+$/, "remove"],
];

function referenceOf({ query }: ApiCall): string {
  const name = query.get("fromImage") ?? "";
  const tag = query.get("tag") ?? "";
  if (tag === "") return name;
  return tag.startsWith("sha256:") ? `${name}@${tag}` : `${name}:${tag}`;
}

/** What a request asks for, `undefined` when it is nothing that a fault can be ordered for. */
export async function operationOf(
  world: World,
  request: string,
  call: ApiCall,
): Promise<Operation | undefined> {
  const name = patterns.find(([pattern]) => pattern.test(request))?.[1];
  if (name === undefined || call.query.has("fromSrc")) return undefined;
  if (name === "pull") return { name, labels: {}, image: referenceOf(call) };
  if (name === "create") {
    const { Labels = {}, Image } = (await call.json()) as ContainerSpec;
    return { name, labels: Labels, image: Image };
  }
  const [id = ""] = call.params;
  try {
    return { name, labels: labelsOf(world.container(id)), image: "" };
  } catch {
    return undefined; // it is not there: the handler says so
  }
}

/** Does the operation as the mishap wants it, or not at all. `kill` takes the engine, or its host, away. */
export async function sufferFrom(
  { fault, released, strike }: Mishap,
  call: ApiCall,
  world: { readonly handler: Handler; readonly kill: (host: boolean) => Promise<void> },
): Promise<Reply | undefined> {
  const { how, when = "before", status = 500, message = "injected fault" } = fault;
  const after = when === "after" && fault.operation !== "pull";
  const reply = after ? await world.handler(call) : undefined;
  if (how === "killEngine" || how === "killHost") await world.kill(how === "killHost");
  strike();
  if (how === "error") throw new ApiError(status, message);
  if (how !== "hang") return undefined;
  await released;
  return after ? reply : world.handler(call);
}
