import type { NodeStreams } from "../pods/pod-streams.ts";
import { type NodeUsage, readNodeUsage } from "../../tunnel/node-usage.ts";
import type { Caller, NodeAnswer } from "../../tunnel/node-link.ts";

/** Of whom Nodes are asked, and with how much patience. */
export type ReadingsOptions = {
  readonly nodes: Pick<NodeStreams, "handler">;
  readonly nowMs: () => number;
  /** How long an answer serves everybody. Milliseconds, default 5 s. */
  readonly freshMs?: number;
  /** How long whoever asks waits for a Node. Milliseconds, default 4 s. */
  readonly patienceMs?: number;
};

/** What Nodes use, as their agents last said. */
export interface NodeReadings {
  /**
   * The newest there is: asked for now, unless somebody did of late or does right now. `undefined` for
   * a Node that is silent, or never was heard; it does not keep others waiting.
   */
  of(nodeName: string): Promise<NodeUsage | undefined>;
  /** Forgets all Nodes but these. */
  keep(nodeNames: ReadonlySet<string>): void;
}

/** A silent Node's last word counts so long. Milliseconds. */
const staleMs = 60_000;
/** When a question is given up. Milliseconds. */
const giveUpMs = 15_000;
/** 1,000 containers tell about 200 KB. */
const maxBytes = 8 << 20;

const asker = (name: string): Caller => ({
  user: "system:apiserver",
  groups: [],
  verb: "get",
  resource: "nodes/stats",
  name,
  auditId: "",
});

async function readAll({ body }: NodeAnswer): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

type Known = { readonly usage: NodeUsage; readonly atMs: number };

class Readings implements NodeReadings {
  readonly #options: ReadingsOptions;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<NodeUsage | undefined>>();

  constructor(options: ReadingsOptions) {
    this.#options = options;
  }

  async of(nodeName: string): Promise<NodeUsage | undefined> {
    const { freshMs = 5_000, patienceMs = 4_000 } = this.#options;
    const fresh = this.#within(nodeName, freshMs);
    if (fresh !== undefined) return fresh;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), patienceMs);
    try {
      return (
        (await Promise.race([this.#shared(nodeName), late])) ?? this.#within(nodeName, staleMs)
      );
    } finally {
      clearTimeout(timer);
    }
  }

  keep(nodeNames: ReadonlySet<string>): void {
    for (const name of this.#known.keys()) if (!nodeNames.has(name)) this.#known.delete(name);
  }

  #within(nodeName: string, ageMs: number): NodeUsage | undefined {
    const known = this.#known.get(nodeName);
    if (known === undefined) return undefined;
    const age = this.#options.nowMs() - known.atMs;
    return age >= 0 && age <= ageMs ? known.usage : undefined;
  }

  #shared(nodeName: string): Promise<NodeUsage | undefined> {
    const asking = this.#asking.get(nodeName);
    if (asking !== undefined) return asking;
    const asked = this.#ask(nodeName).finally(() => this.#asking.delete(nodeName));
    this.#asking.set(nodeName, asked);
    return asked;
  }

  /** Never rejects: a Node that cannot be measured is left out, as clients of metrics expect. */
  async #ask(nodeName: string): Promise<NodeUsage | undefined> {
    try {
      const signal = AbortSignal.timeout(giveUpMs);
      const call = { method: "GET", path: "/stats/usage", headers: {}, caller: asker(nodeName) };
      const answer = await this.#options.nodes.handler(nodeName)(call, signal);
      const text = await readAll(answer);
      if (answer.status !== 200) return undefined;
      const usage = readNodeUsage(JSON.parse(text));
      this.#known.set(nodeName, { usage, atMs: this.#options.nowMs() });
      return usage;
    } catch {
      return undefined; // its Ready condition tells why
    }
  }
}

/** Nothing known yet. */
export function nodeReadings(options: ReadingsOptions): NodeReadings {
  return new Readings(options);
}
