import { badRequest } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";

/**
 * The container that a request about a Pod means: the one it names, else the only one.
 * @throws StatusError `BadRequest` for a name that the Pod does not have, or none among several
 */
export function chooseContainer({ metadata, spec }: Pod, asked = ""): string {
  const names = spec.containers.map(({ name }) => name);
  if (asked !== "") {
    const others = [...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
    if (names.includes(asked) || others.some(({ name }) => name === asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${metadata.name}`);
  }
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  throw badRequest(
    `a container name must be specified for pod ${metadata.name}, choose one of: [${names.join(" ")}]`,
  );
}

/** The Node of a Pod. @throws StatusError `BadRequest` while it has none */
export function nodeOf({ metadata, spec }: Pod): string {
  const { nodeName = "" } = spec;
  if (nodeName === "") throw badRequest(`pod ${metadata.name} does not have a host assigned`);
  return nodeName;
}
