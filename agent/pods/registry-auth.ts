import { z } from "zod";
import type { RegistryAuth } from "../engine/engine.ts";
import type { Bundle } from "./sources.ts";

const entry = z.object({
  username: z.string().optional(),
  password: z.string().optional(),
  auth: z.string().optional(),
});
const dockerConfig = z.object({ auths: z.record(z.string(), entry) });

/** The registry that a reference is pulled from, as Docker understands it: `docker.io` by default. */
export function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? first : "docker.io";
}

function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, "").split("/")[0] ?? "";
  return host === "index.docker.io" || host === "registry-1.docker.io" ? "docker.io" : host;
}

function loginOf(found: z.infer<typeof entry>): readonly [string, string] | undefined {
  if (found.username !== undefined && found.password !== undefined)
    return [found.username, found.password];
  if (found.auth === undefined) return undefined;
  const text = Buffer.from(found.auth, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined; // not ours to mend: the registry's refusal will tell
  }
}

/**
 * The login for an image among the pod's pull Secrets (`kubernetes.io/dockerconfigjson`); the first
 * that names its registry wins. A Secret that cannot be read counts as absent.
 */
export function registryAuth(
  reference: string,
  secrets: readonly Bundle[],
): RegistryAuth | undefined {
  const registry = registryOf(reference);
  for (const secret of secrets) {
    const bytes = secret.get(".dockerconfigjson");
    const parsed = dockerConfig.safeParse(bytes === undefined ? undefined : parseJson(bytes));
    const auths = Object.entries(parsed.data?.auths ?? {});
    const match = auths.find(([server]) => hostOf(server) === registry);
    const login = match === undefined ? undefined : loginOf(match[1]);
    if (match !== undefined && login !== undefined)
      return { username: login[0], password: login[1], serverAddress: match[0] };
  }
  return undefined;
}
