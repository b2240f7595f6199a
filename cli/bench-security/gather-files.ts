import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Facts, FileFact } from "./facts.ts";

const folders = ["pki", "store", "audit"];

/** `undefined`: it is not there, or not for us to see. */
async function factOf(
  path: string,
): Promise<(FileFact & { readonly isFolder: boolean }) | undefined> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) return undefined;
  const isFolder = info.isDirectory();
  const isPublic = /\.(crt|pub)$/.test(path);
  const holds = isFolder ? "folder" : isPublic ? "public" : "secret";
  return { path, mode: info.mode & 0o777, uid: info.uid, holds, isFolder };
}

/** @throws Error of the file system, but for a folder that is not there */
async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).map((name) => join(folder, name));
  } catch (err) {
    if (err instanceof Error && "code" in err && err.code === "ENOENT") return [];
    throw err;
  }
}

/** Arguments of the servers that run here, from `/proc`; empty where there is none, or no Linux. */
async function serversHere(): Promise<readonly (readonly string[])[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const all = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return text.split("\0").filter((word) => word !== "");
    }),
  );
  return all.filter((words) => {
    const program = words.findIndex((word) => /(^|\/)lighthouse(\.mjs)?$/.test(word));
    return program >= 0 && ["up", "server"].includes(words[program + 1] ?? "");
  });
}

/** What a server's folder on this machine tells; nothing when there is no such folder. */
export async function gatherFiles(dataDir: string): Promise<Partial<Facts>> {
  const root = await factOf(dataDir);
  if (root === undefined) return {};
  const processes = await serversHere();
  const below = await Promise.all(folders.map((name) => namesIn(join(dataDir, name)))).catch(
    () => undefined,
  );
  if (below === undefined) return { processes }; // what is not for us to see is not known to be fine
  const names = [...folders.map((name) => join(dataDir, name)), join(dataDir, "kubeconfig")];
  const found = await Promise.all([...names, ...below.flat()].map(factOf));
  const files = [root, ...found.filter((one) => one !== undefined)];
  return { owner: root.uid, files, processes };
}
