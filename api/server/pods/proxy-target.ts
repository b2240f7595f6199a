import { badRequest, noSuchResource } from "../../machinery/errors.ts";
import type { Pod } from "../../machinery/resources.ts";

/** Which Pod is asked, how, and for what. */
export type ProxyTarget = {
  readonly namespace: string;
  readonly pod: string;
  readonly secure: boolean;
  /** A number, or the name of a container's port; empty for the first port there is. */
  readonly port: string;
  /** Path and query as they were sent, e.g. `/a%2Fb?c`; begins with a slash. */
  readonly rest: string;
};

const shape = /^\/api\/v1\/namespaces\/([^/?]+)\/pods\/([^/?]+)\/proxy(\/[^?]*)?(\?.*)?$/s;

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw badRequest(`Cannot read ${JSON.stringify(text)}: it is no percent-encoded text`, {
      cause,
    });
  }
}

type Service = Pick<ProxyTarget, "pod" | "secure" | "port">;

/** As `SplitSchemeNamePort` of Kubernetes' apimachinery reads it. */
function serviceOf(name: string): Service {
  const parts = name.split(":");
  const [scheme = "", pod = "", port = ""] = parts.length > 2 ? parts : ["", ...parts];
  const known = scheme === "" || scheme === "http" || scheme === "https";
  if (known && pod !== "" && parts.length <= 3) return { pod, port, secure: scheme === "https" };
  throw badRequest(
    `invalid pod request ${JSON.stringify(name)}: expected [http:|https:]NAME[:PORT]`,
  );
}

/**
 * Takes the URL of a Pod's proxy apart: `.../pods/[SCHEME:]NAME[:PORT]/proxy/PATH`.
 * @throws StatusError `NotFound` for another URL, `BadRequest` for another scheme
 */
export function proxyTarget(url: string): ProxyTarget {
  const found = shape.exec(url);
  if (found === null) throw noSuchResource();
  const [, namespace = "", name = "", path = "/", query = ""] = found;
  return { ...serviceOf(decoded(name)), namespace: decoded(namespace), rest: `${path}${query}` };
}

/** The number of the port that is meant. @throws StatusError `BadRequest` naming the ports there are */
export function portOf({ metadata, spec }: Pod, { port }: Pick<ProxyTarget, "port">): number {
  const ports = spec.containers.flatMap((container) => container.ports ?? []);
  if (/^\d+$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535) return Number(port);
  const named = port === "" ? ports[0] : ports.find(({ name }) => name === port);
  if (named !== undefined) return named.containerPort;
  const known = ports.map(({ name, containerPort }) => name ?? String(containerPort)).join(", ");
  throw badRequest(
    `Cannot find port ${JSON.stringify(port)} of pod ${metadata.name}: name a number from 1 to 65535${known === "" ? "" : `, or one of ${known}`}`,
  );
}
