import { readFileSync } from "node:fs";
import { access, open, watch } from "node:fs/promises";
import { dirname } from "node:path";
import type { Clock } from "../../api/machinery/clock.ts";
import { badRequest, unavailable } from "../../api/machinery/errors.ts";
import { pause } from "../persist.ts";
import { parseHostsFile } from "./hosts-file.ts";
import type { Provider } from "./provider.ts";

/** Which file lists the hosts. */
export type ConfigOptions = {
  /** Absolute path of a file in YAML or JSON. */
  readonly path: string;
  readonly clock: Clock;
};

const provider = "config";
/** Editors write in several steps: look once they are done. Milliseconds. */
const calmMs = 100;
const rewatchMs = 5_000;
const maxBytes = 4 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > maxBytes)
      throw badRequest(`Cannot read ${path}: it has ${size} bytes, limit ${maxBytes}`);
    return await file.readFile("utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && typeof cause.code === "string")
      throw unavailable(`Cannot read the hosts file ${path}: ${cause.code}`, { cause });
    throw cause;
  }
}

function readNamed(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const code =
      cause instanceof Error && "code" in cause ? String(cause.code) : "it is unreadable";
    throw badRequest(`Cannot read ${path}: ${code}`, { cause });
  }
}

/** The folder, since editors, and mounted ConfigMaps, put another file in the place of the first. */
async function* watchFolder({ path, clock }: ConfigOptions, signal: AbortSignal) {
  while (!signal.aborted) {
    try {
      for await (const _event of watch(dirname(path), { signal })) {
        await pause(calmMs, { clock, signal });
        yield;
      }
    } catch {
      await pause(rewatchMs, { clock, signal }); // no such folder yet: the interval is the net
    }
  }
}

/** Finds the hosts that a file lists, and sees at once when it changes. */
export function configProvider(options: ConfigOptions): Provider {
  const { path } = options;
  return {
    name: provider,
    isHere: () =>
      access(path).then(
        () => true,
        () => false,
      ),
    async find(signal) {
      const text = await readText(path);
      signal.throwIfAborted();
      return parseHostsFile({
        path,
        text,
        provider,
        readText: readNamed,
      });
    },
    changes: (signal) => watchFolder(options, signal),
  };
}
