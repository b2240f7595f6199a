import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { badRequest } from "../../api/machinery/errors.ts";

/** Where a docker context points to. */
export type ContextEndpoint = { readonly url: string; readonly certDir?: string };

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return undefined; // most users have no such file
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest(`Cannot read ${path}: it is not JSON`, { cause });
  }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

/**
 * Name of the context that `docker` itself would use: `DOCKER_CONTEXT`, else `currentContext` of
 * config.json in `configDir`; `undefined` when it is the default one.
 *
 * @throws StatusError `BadRequest` for a config.json that is no JSON.
 */
export async function currentContext(
  configDir: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  const configured = field(await readJson(join(configDir, "config.json")), "currentContext");
  const name = env["DOCKER_CONTEXT"] || configured;
  return typeof name === "string" && name !== "" && name !== "default" ? name : undefined;
}

/**
 * Reads a context as `docker context create` wrote it below `configDir`.
 *
 * @throws StatusError `BadRequest` when it is missing or has no Docker endpoint.
 */
export async function readContext(configDir: string, name: string): Promise<ContextEndpoint> {
  const id = createHash("sha256").update(name).digest("hex");
  const path = join(configDir, "contexts", "meta", id, "meta.json");
  const url = field(field(field(await readJson(path), "Endpoints"), "docker"), "Host");
  if (typeof url !== "string" || url === "")
    throw badRequest(
      `Cannot use docker context "${name}": ${path} names no Docker host; ` +
        `choose another with "docker context use NAME", or set DOCKER_HOST`,
    );
  const certDir = join(configDir, "contexts", "tls", id, "docker");
  return existsSync(join(certDir, "ca.pem")) ? { url, certDir } : { url };
}
