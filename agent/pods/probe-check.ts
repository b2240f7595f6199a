import { type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as tlsConnect } from "node:tls";
import type { Engine, Session } from "../engine/engine.ts";
import type { Patience } from "../far/patience.ts";
import type { ContainerOf } from "./containers.ts";

/** A probe of the spec; exactly one of its actions is set. */
export type Probe = NonNullable<ContainerOf["readinessProbe"]>;

/** What is asked of a container: the part of a probe that says how. */
type Action = Pick<Probe, "exec" | "tcpSocket"> & {
  readonly httpGet?: HttpGet | undefined;
};

/** What one check said. */
export type Answer = { readonly ok: boolean; readonly message: string };

/** Where a port answers, or why it cannot be asked. */
export type Target =
  | {
      readonly host: string;
      readonly port: number;
      /** Present where the address is that of another network: how to get there. */
      readonly far?: {
        open(patience: Patience): Promise<Duplex>;
        touch(patience: Patience): Promise<void>;
      };
    }
  | { readonly why: string };

type Address = Exclude<Target, { readonly why: string }>;

/** Where the container can be reached from the agent. */
export type Reach = {
  readonly engine: Engine;
  readonly containerId: string;
  /** Ports by the names of the spec. */
  readonly portNames: ReadonlyMap<string, number>;
  /** For a port of the container. */
  dial(port: number): Target;
};

const good: Answer = { ok: true, message: "" };
const bad = (message: string): Answer => ({ ok: false, message });
const badStatus = "HTTP probe failed with statuscode";
const maxOutputBytes = 10 * 1024;

function portOf(port: number | string | object | undefined, reach: Reach): number | undefined {
  if (typeof port === "number") return port;
  if (typeof port !== "string") return undefined;
  const number = Number(port);
  return Number.isInteger(number) && port !== "" ? number : reach.portNames.get(port);
}

async function readSession(session: Session, signal: AbortSignal): Promise<Answer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const { bytes } of session.output) {
    if (size < maxOutputBytes) chunks.push(bytes);
    size += bytes.length;
  }
  const code = await session.exitCode(signal);
  if (code === 0) return good;
  const said = Buffer.concat(chunks).subarray(0, 1024).toString().trim();
  return bad(`command exited with ${code ?? "an unknown code"}${said === "" ? "" : `: ${said}`}`);
}

async function checkExec(
  command: readonly string[],
  { engine, containerId }: Reach,
  signal: AbortSignal,
): Promise<Answer> {
  const session = await engine.io.exec(containerId, { command }, signal);
  try {
    return await readSession(session, signal);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** What a way to another network says of its failure. */
function farFailure(to: Address, { begin }: Patience, err: unknown): Answer {
  const why = err instanceof Error ? err.message : String(err);
  return bad(`dial tcp ${to.host}:${to.port}: ${begin().aborted ? "no answer in time" : why}`);
}

async function checkTcp(to: Address, patience: Patience): Promise<Answer> {
  if (to.far === undefined) return checkNearTcp(to, patience.begin());
  try {
    await to.far.touch(patience);
    return good;
  } catch (err) {
    return farFailure(to, patience, err);
  }
}

function checkNearTcp({ host, port }: Address, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (answer: Answer): void => {
      signal.removeEventListener("abort", onAbort);
      socket.destroy();
      resolve(answer);
    };
    const onAbort = (): void => end(bad(`dial tcp ${host}:${port}: no answer in time`));
    socket.once("connect", () => end(good));
    socket.once("error", (err) => end(bad(`dial tcp ${host}:${port}: ${err.message}`)));
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

type HttpGet = NonNullable<Probe["httpGet"]>;

function headersOf(action: HttpGet): Record<string, string> {
  const own = Object.fromEntries(
    (action.httpHeaders ?? []).map(({ name, value }) => [name.toLowerCase(), value]),
  );
  return { "user-agent": "lighthouse-probe", accept: "*/*", ...own };
}

function sendHttp(action: HttpGet, to: Address, signal: AbortSignal, far?: Duplex): ClientRequest {
  const { host, port } = to;
  const options = { host, port, path: action.path ?? "/", headers: headersOf(action), signal };
  // The probe asks whether the process answers, not who it is: as in Kubernetes.
  const trusting = { rejectUnauthorized: false };
  const isSecure = action.scheme === "HTTPS";
  if (far !== undefined) {
    const connection = isSecure ? tlsConnect({ socket: far, ...trusting }) : far;
    const defaultPort = isSecure ? 443 : 80;
    return httpRequest({ ...options, defaultPort, createConnection: () => connection });
  }
  return isSecure
    ? httpsRequest({ ...options, agent: false, ...trusting })
    : httpRequest({ ...options, agent: false });
}

async function checkHttp(action: HttpGet, to: Address, patience: Patience): Promise<Answer> {
  let far: Duplex | undefined;
  try {
    far = await to.far?.open(patience);
  } catch (err) {
    return farFailure(to, patience, err);
  }
  const signal = patience.begin();
  const answer = await askHttp(sendHttp(action, to, signal, far), signal);
  far?.destroy();
  const url = `http${action.scheme === "HTTPS" ? "s" : ""}://${to.host}:${to.port}${action.path ?? "/"}`;
  return typeof answer === "string" ? bad(`Get "${url}": ${answer}`) : answer;
}

/** The answer, or why there was none. */
function askHttp(request: ClientRequest, signal: AbortSignal): Promise<Answer | string> {
  return new Promise((resolve) => {
    request.once("response", (response) => {
      const status = response.statusCode ?? 0;
      response.destroy();
      const ok = status >= 200 && status < 400;
      resolve(ok ? good : bad(`${badStatus}: ${status}`));
    });
    request.on("error", (err) => resolve(signal.aborted ? "no answer in time" : err.message));
    request.end();
  });
}

/** Whether somebody answered over HTTP, if only to refuse. */
export function hasAnswered({ ok, message }: Answer): boolean {
  return ok || message.startsWith(badStatus);
}

/**
 * Asks once. Never rejects: whatever goes wrong is a bad answer. The time limit begins when the asking
 * does, not while others are asked; a command that outlives it goes on, because Docker cannot kill an exec.
 */
export async function check(probe: Action, reach: Reach, patience: Patience): Promise<Answer> {
  try {
    if (probe.exec !== undefined)
      return await checkExec(probe.exec.command ?? [], reach, patience.begin());
    const action = probe.httpGet ?? probe.tcpSocket;
    if (action === undefined) return bad("this kind of probe is not supported");
    const port = portOf(action.port, reach);
    if (port === undefined) return bad(`no port is named "${String(action.port)}"`);
    const to = action.host === undefined ? reach.dial(port) : { host: action.host, port };
    if ("why" in to) return bad(to.why);
    return probe.httpGet === undefined
      ? await checkTcp(to, patience)
      : await checkHttp(probe.httpGet, to, patience);
  } catch (err) {
    if (patience.begin().aborted) return bad("no answer in time");
    return bad(err instanceof Error ? err.message : String(err));
  }
}
