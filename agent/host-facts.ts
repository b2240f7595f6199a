import { statfs } from "node:fs/promises";
import { type DockerHost, isPlainTcp } from "./discovery/provider.ts";
import type { Engine, EngineInfo } from "./engine/engine.ts";
import { hostPlace } from "./host-address.ts";
import type { Offers } from "./limits/offer.ts";
import type { HostFacts, NodeReport } from "./node.ts";

/** Whose facts are gathered, and by whom. */
export type FactSources = {
  readonly engine: Engine;
  /** The host as discovery shows it now. */
  shown(): DockerHost;
  readonly beacon: string;
  /** Version of the agent. */
  readonly version: string;
  /** Labels of the Beacon's spec.nodeLabels. */
  nodeLabels(): Readonly<Record<string, string>>;
  /** What the owner of the hosts says about them. */
  offers(): Offers;
};

/** Bytes of the disk that a path of this machine is on; `undefined` when nobody can tell. */
async function diskBytes(path: string): Promise<number | undefined> {
  try {
    const { blocks, bsize } = await statfs(path);
    return blocks * bsize;
  } catch {
    return undefined; // not a fact worth failing for
  }
}

/** Bytes of the disk on which an engine of this machine keeps containers; of another, unknown. */
export async function engineDiskBytes(
  engine: Engine,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!hostPlace(engine.endpoint).isLocal) return undefined;
  const { rootDir } = await engine.upkeep.storage(signal);
  // An engine in a container tells a path that may not be one here.
  return (await diskBytes(rootDir === "" ? "/" : rootDir)) ?? diskBytes("/");
}

/** What a Node is registered with. */
export function hostFacts(
  sources: FactSources,
  info: EngineInfo,
  seen: { readonly disk?: number | undefined; readonly report?: NodeReport | undefined } = {},
): HostFacts {
  const { engine, beacon, version } = sources;
  const shown = sources.shown();
  const { provider, labels, name, taints } = shown;
  return {
    info,
    endpoint: engine.endpoint,
    beacon,
    provider,
    labels: { ...labels, ...sources.nodeLabels() },
    offers: sources.offers(),
    isPlain: isPlainTcp(shown),
    ...(taints === undefined ? {} : { taints }),
    ...(name === undefined ? {} : { name }),
    address: hostPlace(engine.endpoint).address,
    version,
    ...(seen.disk === undefined ? {} : { diskBytes: seen.disk }),
    ...(seen.report === undefined ? {} : { report: seen.report }),
  };
}
