import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import type { TlsAccess } from "./tunnel-world.ts";

/** A request to an engine. */
export type EngineRequest = {
  readonly method?: "GET" | "POST" | "PUT";
  /** Of the Engine API, with query. */
  readonly path: string;
  readonly json?: object;
  /** In place of `json`. */
  readonly bytes?: Uint8Array;
};

/** How an engine is reached: straight, or through the API server and the tunnel; the code of the client is the same. */
export interface Way extends Disposable {
  readonly name: "direct" | "tunnel";
  /** The answer once its head is there. @throws Error when its code is 300 or more */
  open(request: EngineRequest): Promise<IncomingMessage>;
  /** The whole answer. */
  ask(request: EngineRequest): Promise<Buffer>;
  /** The connection, taken over. */
  hijack(request: EngineRequest): Promise<Duplex>;
}

type Options = {
  readonly name: Way["name"];
  readonly send: typeof httpRequest;
  readonly agent: HttpAgent;
  readonly target: object;
  readonly prefix: string;
};

const upgrade = { connection: "Upgrade", upgrade: "tcp" };

function started(
  { send, agent, target, prefix }: Options,
  { method = "GET", path, json, bytes }: EngineRequest,
  takesOver: boolean,
) {
  const body = json === undefined ? bytes : Buffer.from(JSON.stringify(json));
  const type = json === undefined ? "application/x-tar" : "application/json";
  const headers = {
    ...(body && { "content-type": type, "content-length": body.length }),
    ...(takesOver ? upgrade : {}),
  };
  const asked = send({
    ...target,
    method,
    path: `${prefix}${path}`,
    headers,
    agent: takesOver ? false : agent,
  });
  asked.end(body);
  return asked;
}

async function checked(response: IncomingMessage, path: string): Promise<IncomingMessage> {
  const { statusCode = 0 } = response;
  if (statusCode < 300) return response;
  throw new Error(`${path} answered ${statusCode}: ${(await buffer(response)).toString()}`);
}

function createWay(options: Options): Way {
  const open = async (request: EngineRequest): Promise<IncomingMessage> => {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      started(options, request, false).once("response", resolve).once("error", reject);
    });
    return checked(response, request.path);
  };
  return {
    name: options.name,
    open,
    ask: async (request) => buffer(await open(request)),
    hijack: (request) =>
      new Promise((resolve, reject) => {
        started(options, request, true)
          .once("upgrade", (_response, socket, head) => {
            if (head.length > 0) socket.unshift(head);
            resolve(socket);
          })
          .once("response", (response) => void checked(response, request.path).catch(reject))
          .once("error", reject);
      }),
    [Symbol.dispose]: () => options.agent.destroy(),
  };
}

/** Straight to the engine's socket. */
export function directWay(socketPath: string): Way {
  const agent = new HttpAgent({ keepAlive: true });
  return createWay({
    name: "direct",
    send: httpRequest,
    agent,
    target: { socketPath },
    prefix: "",
  });
}

/** To the Docker API of a Node. */
export function tunnelWay(access: TlsAccess, node: string): Way {
  const agent = new HttpsAgent({ keepAlive: true });
  const prefix = `/api/v1/nodes/${node}/proxy`;
  return createWay({ name: "tunnel", send: httpsRequest, agent, target: access, prefix });
}

/** Runs a command in a container to its end, as `docker exec` does. @throws Error unless it ends with 0 */
export async function execOver(
  way: Way,
  container: string,
  command: readonly string[],
): Promise<string> {
  const spec = { AttachStdout: true, AttachStderr: true, Cmd: command };
  const path = `/containers/${container}/exec`;
  const made = await way.ask({ method: "POST", path, json: spec });
  const { Id } = JSON.parse(made.toString()) as { readonly Id: string };
  const begin = {
    method: "POST",
    path: `/exec/${Id}/start`,
    json: { Detach: false, Tty: false },
  } as const;
  const socket = await way.hijack(begin);
  const output = await buffer(socket);
  socket.destroy();
  const seen = await way.ask({ path: `/exec/${Id}/json` });
  const { ExitCode } = JSON.parse(seen.toString()) as { readonly ExitCode: number };
  if (ExitCode !== 0) throw new Error(`The command ended with ${ExitCode}: ${output.toString()}`);
  return output.toString();
}
