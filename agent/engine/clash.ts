import { isAlreadyExists, StatusError } from "../../api/machinery/errors.ts";
import type { ContainerDetail } from "./engine.ts";

type Inspect = (id: string) => Promise<ContainerDetail | undefined>;

async function describeHolder(name: string, inspect: Inspect): Promise<string> {
  try {
    const holder = await inspect(name);
    if (holder === undefined) return "another container";
    return `container ${holder.id.slice(0, 12)} (image ${holder.image}, ${holder.state.phase})`;
  } catch {
    return "another container"; // the clash is the news, not this
  }
}

/**
 * The error for a name that is taken, naming the container that holds it, so that its owner can be
 * found; any other error is given back as it is.
 */
export async function alreadyClashing(
  err: unknown,
  doing: { readonly action: "create" | "rename"; readonly name: string },
  inspect: Inspect,
): Promise<unknown> {
  if (!isAlreadyExists(err)) return err;
  const { action, name } = doing;
  const holder = await describeHolder(name, inspect);
  const what = action === "create" ? `create container ${name}` : `rename a container to ${name}`;
  const message = `Cannot ${what}: the name is in use by ${holder}`;
  const details = { kind: "containers", name };
  return new StatusError("AlreadyExists", message, { cause: err, details });
}
