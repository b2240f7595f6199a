import type { Figure } from "../bench/figure.ts";
import { guarded } from "../bench/interrupts.ts";
import { startTunnelWorld, type TunnelWorld } from "../bench/tunnel-world.ts";
import { directWay } from "../bench/tunnel-ways.ts";
import { tar } from "../../agent/engine/tar.ts";
import { pods } from "../../api/machinery/resources.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { type Gateway, openGateway } from "../../test/kit/gateway.ts";
import { openNetwork } from "../../test/kit/namespaces.ts";
import { type LeakyProxy, startProxy } from "./proxy.ts";
import { type Command, runExec, type Who } from "./exec-client.ts";

/** How much of everything; the defaults are those of the full soak. */
export type Amounts = {
  readonly execs: number;
  readonly logs: number;
  readonly rounds: number;
};

/** An API server and an agent behind a gateway that lets nothing in, and what can be done to their way. */
export type SoakRig = AsyncDisposable & {
  readonly world: TunnelWorld;
  readonly proxy: LeakyProxy;
  /** Absent without root: then the agent is in this network. */
  readonly gateway?: Gateway;
  readonly amounts: Amounts;
  readonly note: (line: string) => void;
};

/** One trial: what it does, and what it found. */
export type Trial = (rig: SoakRig) => Promise<readonly Figure[]>;

/** The Pod of all trials: its main process repeats its input. */
export const soakPod = "soak";

/** A file in it, and how large that is. */
export const largeFile = "/large";
export const largeBytes = 8 << 20;

/** An administrator: one of eight users, as streams are limited per user. */
export function whoIs({ world }: SoakRig, index = 0): Who {
  return { access: world.access, user: `soak-${index % 8}` };
}

/** A command in the Pod of the soak. */
export const commandOf = (...argv: readonly string[]): Command => ({ pod: soakPod, argv });

let calls = 0;

/** The smallest exec there is; milliseconds. */
export function smallExec(rig: SoakRig): Promise<number> {
  calls += 1;
  const text = `beside-${calls}`;
  const command = { ...commandOf("echo", text), expected: `${text}\n`, code: 0 };
  return runExec({ ...whoIs(rig), user: "beside" }, command);
}

/** Calls in progress in the tunnels of the server, by its own count. */
export async function openCalls({ world }: SoakRig): Promise<number> {
  const { body } = await world.client.raw({ method: "GET", path: "/metrics" });
  let text = "";
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return Number(/^lighthouse_tunnel_calls (\d+)/m.exec(text)?.[1]);
}

/** Lines for those who read its log, and a file for those who read that. */
async function fill({ engine, client }: TunnelWorld): Promise<void> {
  const pod = await client.get(pods, { namespace: "default", name: soakPod });
  const id = pod?.status?.containerStatuses?.[0]?.containerID?.replace("docker://", "") ?? "";
  using way = directWay(engine);
  const attach = `/containers/${id}/attach?stream=1&stdin=1`;
  const socket = await way.hijack({ method: "POST", path: attach });
  socket.write("line 1\nline 2\n");
  const entry = {
    type: "file",
    path: largeFile.slice(1),
    content: Buffer.alloc(largeBytes, "x\n"),
  } as const;
  await way.ask({ method: "PUT", path: `/containers/${id}/archive?path=/`, bytes: tar([entry]) });
  await eventually("the log has lines", async () => {
    const log = await way.ask({ path: `/containers/${id}/logs?stdout=1` });
    return log.includes("line 2");
  });
  socket.destroy();
}

/** Starts a rig; with root the agent stands behind a gateway, as it would. */
export async function openSoakRig(
  amounts: Amounts,
  note: (line: string) => void,
): Promise<SoakRig> {
  await using stack = new AsyncDisposableStack();
  const isRoot = process.getuid?.() === 0;
  const network = isRoot ? stack.use(guarded(await openNetwork())) : undefined;
  const gateway = network && stack.use(guarded(await openGateway(network)));
  const place = await gateway?.join();
  const host = network?.address ?? "127.0.0.1";
  let proxy: LeakyProxy | undefined;
  const via = async ({ hostname, port }: URL): Promise<string> => {
    proxy = stack.use(await startProxy(host, { host: hostname, port: Number(port) }));
    return `${host}:${proxy.port}`;
  };
  const world = stack.use(
    guarded(
      await startTunnelWorld({
        via,
        names: [host],
        ...(place === undefined ? {} : { namespace: place.namespace }),
      }),
    ),
  );
  if (proxy === undefined) throw new Error("The agent has no way to the server");
  await world.runPod(soakPod, { command: ["cat"], stdin: true });
  await fill(world);
  const owned = stack.move();
  return {
    world,
    proxy,
    ...(gateway === undefined ? {} : { gateway }),
    amounts,
    note,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
