import type { IncomingMessage } from "node:http";
import { PassThrough, type Duplex } from "node:stream";
import { ApiError } from "./api-error.ts";
import { frame, type StreamName } from "./container-log.ts";
import { findExec, startExec } from "./exec.ts";
import { barePath, flag } from "./router.ts";
import type { World } from "./world.ts";

const switching = [
  "HTTP/1.1 101 UPGRADED",
  "Content-Type: application/vnd.docker.raw-stream",
  "Connection: Upgrade",
  "Upgrade: tcp",
  "",
  "",
].join("\r\n");

/** A connection that a client took over: what comes after the request's body, and the way back. */
type Line = { readonly input: PassThrough; readonly socket: Duplex };

/** How many bytes of a chunked body there are, or `undefined` if its end has not come yet. */
function chunkedLength(bytes: Buffer): number | undefined {
  let at = 0;
  for (;;) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    at = end + 2 + size + 2;
    if (at > bytes.length) return undefined;
    if (!(size > 0)) return at;
  }
}

function bodyLength({ headers }: IncomingMessage, bytes: Buffer): number | undefined {
  if (headers["transfer-encoding"] === "chunked") return chunkedLength(bytes);
  const length = Number(headers["content-length"] ?? 0);
  return bytes.length >= length ? length : undefined;
}

/** Node hands over the connection at the end of the headers: the body is still to be read. */
function skipBody(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<PassThrough> {
  return new Promise((resolve, reject) => {
    let bytes = head;
    const take = (): boolean => {
      const length = bodyLength(request, bytes);
      if (length === undefined) return false;
      socket.off("data", onData);
      const input = new PassThrough();
      input.write(bytes.subarray(length));
      socket.pipe(input);
      resolve(input);
      return true;
    };
    const onData = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      take();
    };
    socket.once("error", reject);
    if (!take()) socket.on("data", onData);
  });
}

/** Output on a taken-over connection, framed unless there is a terminal. */
function writer(socket: Duplex, tty: boolean) {
  return (stream: StreamName, content: string | Uint8Array): void => {
    if (!socket.writable) return;
    const bytes = Buffer.from(content as Uint8Array);
    if (tty) socket.write(bytes.toString("utf8").replace(/(?<!\r)\n/g, "\r\n"));
    else socket.write(frame({ stream, bytes }));
  };
}

async function runExec(world: World, id: string, { input, socket }: Line): Promise<void> {
  const exec = findExec(world, id);
  const running = startExec(world, exec, writer(socket, exec.tty));
  socket.write(switching);
  const stdin = exec.process?.stdin;
  if (exec.stdin && stdin !== undefined) input.pipe(stdin);
  else input.resume();
  await running;
  socket.end();
}

async function attach(
  world: World,
  id: string,
  query: URLSearchParams,
  { input, socket }: Line,
): Promise<void> {
  const container = world.container(id);
  const write = writer(socket, container.spec.Tty === true);
  socket.write(switching);
  const stop = container.log.listen(({ stream, bytes }) => write(stream, bytes));
  socket.once("close", stop);
  container.onExit.add(() => socket.end());
  if (!flag(query, "stdin")) {
    input.resume();
    return;
  }
  for await (const chunk of input) {
    while (container.process === undefined && container.phase === "created") await nextTurn();
    container.process?.stdin.write(chunk);
  }
  if (container.spec.StdinOnce === true) container.process?.stdin.end();
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** Answers a request that wants its connection: exec start and attach. @throws ApiError */
export async function hijack(
  world: World,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const path = barePath(request.url ?? "/");
  const { searchParams } = new URL(request.url ?? "/", "http://engine");
  const [, kind = "", id = ""] =
    /^\/(exec|containers)\/([^/]+)\/(?:start|attach)$/.exec(path) ?? [];
  if (kind === "") throw new ApiError(404, "page not found");
  const line: Line = { socket, input: await skipBody(request, socket, head) };
  if (kind === "exec") await runExec(world, id, line);
  else await attach(world, decodeURIComponent(id), searchParams, line);
}
