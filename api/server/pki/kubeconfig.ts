import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isJsonObject, type JsonObject } from "../../machinery/equality.ts";
import { readIfPresent, secretMode, writeAtomically } from "./files.ts";
import type { KeyPair } from "./issue.ts";

/** Name of our cluster, user and context in every kubeconfig. */
export const contextName = "lighthouse";

/** What a client needs to reach the server as somebody. */
export type Access = {
  /** e.g. `https://127.0.0.1:6443`. */
  readonly server: string;
  /** Certificate of the authority, PEM. */
  readonly authority: string;
  readonly client: KeyPair;
};

const base64 = (text: string): string => Buffer.from(text).toString("base64");

type Entry = JsonObject & { readonly name: string };

function entriesFor({ server, authority, client }: Access): Readonly<Record<string, Entry>> {
  return {
    clusters: {
      name: contextName,
      cluster: { server, "certificate-authority-data": base64(authority) },
    },
    users: {
      name: contextName,
      user: {
        "client-certificate-data": base64(client.certificate),
        "client-key-data": base64(client.key),
      },
    },
    contexts: { name: contextName, context: { cluster: contextName, user: contextName } },
  };
}

const isOurs = (entry: unknown): boolean => isJsonObject(entry) && entry["name"] === contextName;

/** The list with our entry in its old place, or at its end. */
function withEntry(list: unknown, entry: Entry): unknown[] {
  const entries: unknown[] = Array.isArray(list) ? list : [];
  return entries.some(isOurs)
    ? entries.map((old) => (isOurs(old) ? entry : old))
    : [...entries, entry];
}

/** A kubeconfig with our cluster, user and context; everything else in `before` is kept. */
export function mergeKubeconfig(before: JsonObject, access: Access): JsonObject {
  const lists = Object.entries(entriesFor(access)).map(([field, entry]): [string, unknown[]] => [
    field,
    withEntry(before[field], entry),
  ]);
  const current = before["current-context"];
  return {
    apiVersion: "v1",
    kind: "Config",
    ...before,
    ...Object.fromEntries(lists),
    "current-context": typeof current === "string" && current !== "" ? current : contextName,
  };
}

async function readKubeconfig(path: string): Promise<JsonObject> {
  const text = await readIfPresent(path);
  if (text === undefined || text.trim() === "") return {};
  const { parse } = await import("yaml");
  let config: unknown;
  try {
    config = parse(text);
  } catch (err) {
    throw new Error("it is no YAML", { cause: err });
  }
  if (!isJsonObject(config)) throw new Error("it is no kubeconfig");
  return config;
}

/**
 * Writes access into a kubeconfig of mode 0600. A file that has other clusters keeps them, and its
 * current context; an unchanged file is not written.
 *
 * @throws Error with the path and the way out.
 */
export async function writeKubeconfig(path: string, access: Access): Promise<void> {
  try {
    const before = await readKubeconfig(path);
    const after = mergeKubeconfig(before, access);
    if (JSON.stringify(before) === JSON.stringify(after)) return;
    const { stringify } = await import("yaml");
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeAtomically(path, stringify(after, { lineWidth: 0 }), secretMode);
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`Cannot write kubeconfig ${path}: ${why}; choose a file with --kubeconfig`, {
      cause: err,
    });
  }
}
