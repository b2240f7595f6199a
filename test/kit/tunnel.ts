import { type Duplex, duplexPair, Readable } from "node:stream";
import type { Clock } from "../../api/machinery/clock.ts";
import { type AgentEnd, serveTunnel } from "../../api/tunnel/agent-end.ts";
import { type HubEnd, openHubEnd } from "../../api/tunnel/hub-end.ts";
import type { KeepAlive } from "../../api/tunnel/keep-alive.ts";
import type { Caller, NodeAnswer, NodeCall, NodeHandler } from "../../api/tunnel/node-link.ts";
import { createServedNodes, type ServedNodes } from "../../api/tunnel/served-nodes.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";

/** A caller who was allowed to do what the test does. */
export const testCaller: Caller = {
  user: "ann",
  groups: ["ops"],
  verb: "get",
  resource: "nodes/proxy",
  auditId: "audit-1",
};

/** A call as plain as can be. */
export function callTo(path: string, more: Partial<NodeCall> = {}): NodeCall {
  return { method: "GET", path, headers: {}, caller: testCaller, ...more };
}

/** An answer with a text. */
export function answerOf(text: string | Buffer, status = 200): NodeAnswer {
  return { status, headers: { "content-type": "text/plain" }, body: Readable.from([text]) };
}

/** Everything of a body. */
export async function bytesOf(body: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Both ends of a tunnel in this process, over a connection in memory. */
export type TunnelRig = AsyncDisposable & {
  readonly hub: HubEnd;
  readonly agent: AgentEnd;
  readonly nodes: ServedNodes;
  /** Errors that the agent met and that no caller may see. */
  readonly errors: unknown[];
  /** The connection: of the hub, and of the agent. */
  readonly wires: readonly [Duplex, Duplex];
};

/** What a test may want otherwise. */
export type TunnelRigOptions = {
  readonly clock?: Clock;
  readonly keepAlive?: KeepAlive;
  /** Default: a pair in memory, of which one end breaks with the other. */
  readonly wires?: readonly [Duplex, Duplex];
};

function memoryWires(): readonly [Duplex, Duplex] {
  const [one, other] = duplexPair();
  one.once("close", () => other.destroy());
  other.once("close", () => one.destroy());
  return [one, other];
}

/** Opens a tunnel whose agent serves node `n1`. */
export async function openTunnelRig(
  handler: NodeHandler,
  options: TunnelRigOptions = {},
): Promise<TunnelRig> {
  const { clock = systemClock, keepAlive } = options;
  const wires = options.wires ?? memoryWires();
  const nodes = createServedNodes();
  nodes.serve("n1", handler);
  const errors: unknown[] = [];
  const common = { clock, ...(keepAlive === undefined ? {} : { keepAlive }) };
  const agent = serveTunnel(wires[1], { ...common, nodes, onError: (err) => errors.push(err) });
  const hub = await openHubEnd(wires[0], { ...common, what: 'the tunnel of beacon "b1"' });
  return {
    hub,
    agent,
    nodes,
    errors,
    wires,
    async [Symbol.asyncDispose]() {
      await hub.close("the test ends", 0);
      await agent.closed;
    },
  };
}
