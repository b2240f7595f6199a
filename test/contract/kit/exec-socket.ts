import { readFile } from "node:fs/promises";
import { WebSocket } from "ws";
import { credentialsOf } from "./client-agent.ts";
import type { Json } from "./raw.ts";
import type { SiteAddress } from "./site.ts";

/** Where a command runs. */
export type ExecTarget = {
  readonly site: SiteAddress;
  readonly namespace: string;
  readonly pod: string;
};

/** What came of it, frame by frame. */
export type Executed = {
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly status: Json;
  /** Frames of output that came after the status. */
  readonly afterStatus: number;
  readonly textFrames: number;
  readonly closeCode: number;
};

const stdinChannel = 0;
const closeChannel = 255;

async function openSocket(
  site: SiteAddress,
  path: string,
  protocols: readonly string[],
): Promise<WebSocket> {
  const credentials = credentialsOf(await readFile(site.kubeconfig, "utf8"));
  const url = site.url.replace("https:", "wss:") + path;
  const socket = new WebSocket(url, [...protocols], credentials);
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  return socket;
}

/** Collects the frames of a session until the server closes it. */
function collect(socket: WebSocket, protocol: string): Promise<Executed> {
  const output: Record<number, Buffer[]> = { 1: [], 2: [], 3: [] };
  const seen = { afterStatus: 0, textFrames: 0 };
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (!isBinary) seen.textFrames += 1;
    const channel = data[0] ?? 0;
    if (channel < 3 && data.length > 1 && (output[3]?.length ?? 0) > 0) seen.afterStatus += 1;
    if (data.length > 1) output[channel]?.push(data.subarray(1));
  });
  const textOf = (channel: number): string => Buffer.concat(output[channel] ?? []).toString("utf8");
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.terminate();
      reject(new Error(`The session did not end within 10 s: ${textOf(1)}${textOf(2)}`));
    }, 10_000);
    socket.once("close", (closeCode) => {
      clearTimeout(timer);
      const status = JSON.parse(textOf(3) === "" ? "{}" : textOf(3)) as Json;
      resolve({ protocol, stdout: textOf(1), stderr: textOf(2), status, closeCode, ...seen });
    });
  });
}

/** Runs a command over a WebSocket, as kubectl and client-node do. Only v5 can end its stdin. */
export async function runCommand(
  { site, namespace, pod }: ExecTarget,
  command: readonly string[],
  { protocol, stdin }: { readonly protocol: string; readonly stdin?: string },
): Promise<Executed> {
  const query = new URLSearchParams({ stdout: "true", stderr: "true" });
  if (stdin !== undefined) query.set("stdin", "true");
  for (const word of command) query.append("command", word);
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/exec?${query.toString()}`;
  const socket = await openSocket(site, path, [protocol]);
  const ended = collect(socket, socket.protocol);
  if (stdin !== undefined) {
    socket.send(Buffer.concat([Buffer.from([stdinChannel]), Buffer.from(stdin)]));
    socket.send(Buffer.from([closeChannel, stdinChannel]));
  }
  return ended;
}
