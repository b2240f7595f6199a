import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { badRequest } from "../machinery/errors.ts";

/** A cluster as a kubeconfig file has it; paths are absolute after reading. */
export type KubeconfigCluster = {
  readonly server?: string;
  readonly "certificate-authority"?: string;
  readonly "certificate-authority-data"?: string;
  readonly "insecure-skip-tls-verify"?: boolean;
  readonly "tls-server-name"?: string;
  readonly "proxy-url"?: string;
};

/** A user as a kubeconfig file has it; paths are absolute after reading. */
export type KubeconfigUser = {
  readonly token?: string;
  readonly tokenFile?: string;
  readonly "client-certificate"?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key"?: string;
  readonly "client-key-data"?: string;
  readonly username?: string;
  readonly password?: string;
  readonly exec?: Readonly<Record<string, unknown>>;
  readonly "auth-provider"?: Readonly<Record<string, unknown>>;
};

/** A pair of cluster and user. */
export type KubeconfigContext = {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
};

/** Several files as one: of each name, the first file that has it counts. */
export type Kubeconfig = {
  readonly currentContext: string | undefined;
  readonly clusters: ReadonlyMap<string, KubeconfigCluster>;
  readonly users: ReadonlyMap<string, KubeconfigUser>;
  readonly contexts: ReadonlyMap<string, KubeconfigContext>;
};

type Named = { readonly name?: unknown } & Readonly<Record<string, unknown>>;
type RawFile = {
  readonly "current-context"?: string;
  readonly clusters?: readonly Named[] | null;
  readonly users?: readonly Named[] | null;
  readonly contexts?: readonly Named[] | null;
};

/** Fields that hold a path, relative to the file that they stand in. */
const pathFields = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];

function withAbsolutePaths<T extends object>(entry: T, dir: string): T {
  const fields = Object.entries(entry).map(([field, value]): readonly [string, unknown] => {
    const isPath = pathFields.includes(field) && typeof value === "string" && value !== "";
    return [field, isPath && !isAbsolute(value) ? join(dir, value) : value];
  });
  return Object.fromEntries(fields) as T;
}

async function readRaw(path: string): Promise<RawFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw badRequest(`Cannot read kubeconfig ${path}: ${String(cause)}`, { cause });
  }
  const { parse } = await import("yaml");
  try {
    const raw: unknown = parse(text, { version: "1.1" });
    if (raw === null || raw === undefined) return {};
    if (typeof raw === "object" && !Array.isArray(raw)) return raw;
  } catch (cause) {
    throw badRequest(`Cannot read kubeconfig ${path}: ${String(cause)}`, { cause });
  }
  throw badRequest(`Cannot read kubeconfig ${path}: expected a mapping with clusters and users`);
}

function collect<T extends object>(
  field: "cluster" | "user" | "context",
  files: readonly { readonly dir: string; readonly entries: readonly Named[] }[],
): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const { dir, entries } of files) {
    for (const entry of entries) {
      if (typeof entry.name !== "string" || found.has(entry.name)) continue;
      found.set(entry.name, withAbsolutePaths((entry[field] ?? {}) as T, dir));
    }
  }
  return found;
}

/**
 * Reads and merges files as kubectl does; files that are absent are left out, and `undefined`
 * means that none exists.
 *
 * @throws StatusError `BadRequest` for a file that is no kubeconfig or may not be read.
 */
export async function readKubeconfig(paths: readonly string[]): Promise<Kubeconfig | undefined> {
  const read = await Promise.all(
    paths.map(async (path) => ({ dir: dirname(path), raw: await readRaw(path) })),
  );
  const files = read.flatMap(({ dir, raw }) => (raw === undefined ? [] : [{ dir, raw }]));
  if (files.length === 0) return undefined;
  const entriesOf = (field: "clusters" | "users" | "contexts") =>
    files.map(({ dir, raw }) => ({ dir, entries: raw[field] ?? [] }));
  return {
    currentContext: files
      .map(({ raw }) => raw["current-context"])
      .find((name) => name !== undefined && name !== ""),
    clusters: collect<KubeconfigCluster>("cluster", entriesOf("clusters")),
    users: collect<KubeconfigUser>("user", entriesOf("users")),
    contexts: collect<KubeconfigContext>("context", entriesOf("contexts")),
  };
}
