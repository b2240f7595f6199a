/** CPU and memory in use, the CPU on average over a window that ended at `atMs`. */
export type Usage = {
  /** Billionths of a CPU; integer, 0 or more. */
  readonly cpuNanoCores: number;
  /** Working set; integer, 0 or more. */
  readonly memoryBytes: number;
  /** Milliseconds since the Unix epoch, by the clock of who measured. */
  readonly atMs: number;
  /** Milliseconds, 1 or more. */
  readonly windowMs: number;
};

/** What the containers of one Pod use. */
export type PodUsage = {
  /** metadata.uid of the Pod. */
  readonly uid: string;
  /** By name of the container in the Pod's spec; those that could not be measured are missing. */
  readonly containers: Readonly<Record<string, Usage>>;
};

/** What an agent answers to GET `/stats/usage` of one of its Nodes. */
export type NodeUsage = {
  /** Absent when nothing could be measured. */
  readonly node?: Usage & {
    /** Whether the machine itself was measured, or its containers were added up. */
    readonly of: "machine" | "containers";
  };
  readonly pods: readonly PodUsage[];
};

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Go's clients read no years beyond 9999, and one bad value would cost them the whole list. */
const latestMs = Date.UTC(9999, 11, 31);
/** Rates are told of seconds, not of days. */
const longestWindowMs = 86_400_000;

function amount(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  const isAmount = typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
  return isAmount ? value : undefined;
}

function readUsage(value: unknown): Usage | undefined {
  if (!isFields(value)) return undefined;
  const cpuNanoCores = amount(value, "cpuNanoCores");
  const memoryBytes = amount(value, "memoryBytes");
  const atMs = amount(value, "atMs");
  const windowMs = amount(value, "windowMs");
  if (cpuNanoCores === undefined || memoryBytes === undefined) return undefined;
  if (atMs === undefined || atMs > latestMs) return undefined;
  if (windowMs === undefined || windowMs > longestWindowMs) return undefined;
  return { cpuNanoCores, memoryBytes, atMs, windowMs };
}

function readPod(value: unknown): readonly PodUsage[] {
  if (!isFields(value) || typeof value["uid"] !== "string") return [];
  const { uid, containers } = value;
  const read = Object.entries(isFields(containers) ? containers : {}).flatMap(([name, one]) => {
    const usage = readUsage(one);
    return usage === undefined ? [] : [[name, usage] as const];
  });
  return [{ uid, containers: Object.fromEntries(read) }];
}

/** Takes from an agent's answer what can be true: agents are other people's machines. */
export function readNodeUsage(value: unknown): NodeUsage {
  if (!isFields(value)) return { pods: [] };
  const { node, pods } = value;
  const usage = readUsage(node);
  const of = isFields(node) && node["of"] === "machine" ? "machine" : "containers";
  return {
    ...(usage === undefined ? {} : { node: { ...usage, of } }),
    pods: (Array.isArray(pods) ? pods : []).flatMap(readPod),
  };
}
