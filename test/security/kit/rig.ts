import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { pino } from "pino";
import { parseServerConfig } from "../../../api/server/config.ts";
import { issueCertificate } from "../../../api/server/pki/issue.ts";
import type { Access } from "../../../api/server/pki/kubeconfig.ts";
import { type RunningServer, startServer } from "../../../api/server/server.ts";
import { memoryStore } from "../../../api/store/memory.ts";
import type { Store } from "../../../api/store/store.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { eventually } from "../../kit/eventually.ts";

/** What came back over the wire. */
export type Reply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
};

/** What one request carries. */
export type Attack = {
  /** Whose client certificate; absent: none. */
  readonly as?: Access;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Sent as it is; anything but text and bytes as JSON. */
  readonly body?: unknown;
};

/** audit.k8s.io/v1 Event, the fields that tests look at. */
export type AuditEvent = {
  readonly auditID: string;
  readonly stage: string;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly impersonatedUser?: { readonly username: string };
  readonly sourceIPs: readonly string[];
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: { readonly code: number; readonly reason?: string };
  readonly annotations?: Readonly<Record<string, string>>;
};

/** A server under attack: real TLS listener, real audit file, store in memory. */
export type AttackRig = AsyncDisposable & {
  readonly server: RunningServer;
  readonly store: Store;
  readonly dataDir: string;
  /** Access by a client certificate of our authority. */
  as(user: string, ...groups: readonly string[]): Promise<Access>;
  /** One request over a connection of its own, HTTP/1.1; the path goes out untouched. */
  send(method: string, path: string, attack?: Attack): Promise<Reply>;
  /** Bytes over a TLS connection of their own; resolves to all that came back once it has ended. */
  raw(bytes: string | Uint8Array, as?: Access): Promise<string>;
  /** As {@link send} with the rights of the administrator; throws unless it succeeded. */
  arrange(method: string, path: string, body?: unknown): Promise<Reply>;
  /** Waits until the audit file holds an event that fits. */
  audited(why: string, fits: (event: AuditEvent) => boolean): Promise<AuditEvent>;
  /** Fails unless an honest client is answered, and within a second. */
  stillServes(): Promise<void>;
};

/** How the server differs from that of the product: fields of `ServerConfig` as flags give them. */
export type RigOptions = { readonly config?: Readonly<Record<string, unknown>> };

const everyRequest = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived", "ResponseStarted"],
  rules: [{ level: "Metadata" }],
};

const honestDeadlineMs = 1_000;

/** A server that says nothing for so long says nothing any more. */
const silenceMs = 1_000;

/** Starts a server in this process; disposing of it ends the server and removes its files. */
export async function openAttackRig({ config = {} }: RigOptions = {}): Promise<AttackRig> {
  await using opening = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "lighthouse-attack-"));
  opening.defer(() => rm(root, { recursive: true }));
  const dataDir = join(root, "data");
  const auditLog = join(root, "audit.log");
  const auditPolicy = join(root, "audit-policy.json");
  await writeFile(auditPolicy, JSON.stringify(everyRequest));
  const store = opening.use(memoryStore());
  const server = opening.use(
    await startServer({
      config: parseServerConfig({
        listen: "127.0.0.1:0",
        dataDir,
        auditLog,
        auditPolicy,
        kubeconfig: join(root, "kubeconfig"),
        ...config,
      }),
      store,
      log: pino({ level: "silent" }),
      clock: systemClock,
      version: "0.1.0",
    }),
  );
  const send: AttackRig["send"] = (method, path, attack) => sendTo(server, method, path, attack);
  const owned = opening.move();
  return {
    server,
    store,
    dataDir,
    send,
    raw: (bytes, as) => sendRaw(server, bytes, as),
    as: (user, ...groups) => certified({ dataDir, server }, user, groups),
    async arrange(method, path, body) {
      const reply = await send(method, path, { as: server.admin, body });
      if (reply.status < 300) return reply;
      throw new Error(`Cannot arrange ${method} ${path}: ${reply.status} ${reply.text}`);
    },
    audited: (why, fits) =>
      eventually(`audit: ${why}`, async () => (await readAudit(auditLog)).find(fits)),
    async stillServes() {
      const start = performance.now();
      const reply = await send("GET", "/api/v1/namespaces/default", { as: server.admin });
      const tookMs = performance.now() - start;
      if (reply.status !== 200) throw new Error(`Cannot be served any more: ${reply.status}`);
      if (tookMs > honestDeadlineMs) throw new Error(`An honest client waited ${tookMs} ms`);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type At = { readonly dataDir: string; readonly server: RunningServer };

async function certified(
  { dataDir, server }: At,
  user: string,
  groups: readonly string[],
): Promise<Access> {
  const file = (name: string): Promise<string> => readFile(join(dataDir, "pki", name), "utf8");
  const authority = { certificate: await file("ca.crt"), key: await file("ca.key") };
  const client = await issueCertificate(authority, {
    identity: { user, groups },
    usage: "client",
    names: [],
    nowMs: Date.now(),
  });
  return { server: server.url, authority: authority.certificate, client };
}

async function readAudit(path: string): Promise<readonly AuditEvent[]> {
  const lines = (await readFile(path, "utf8")).split("\n");
  return lines.slice(0, -1).map((line) => JSON.parse(line) as AuditEvent);
}

function encoded(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) return body;
  return JSON.stringify(body);
}

function sendTo(
  { url, admin }: RunningServer,
  method: string,
  path: string,
  { as, headers = {}, body }: Attack = {},
): Promise<Reply> {
  const { hostname: host, port } = new URL(url);
  const client = as === undefined ? {} : { cert: as.client.certificate, key: as.client.key };
  const bytes = encoded(body);
  const type = bytes === undefined ? {} : { "content-type": "application/json" };
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        host,
        port,
        method,
        path,
        ca: admin.authority,
        agent: false,
        ...client,
        headers: { ...type, ...headers } as Record<string, string>,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        });
      },
    );
    request.on("error", reject).end(bytes);
  });
}

/** A connection as stock clients make it, HTTP/1.1; as whom the certificate says. */
function openSocket({ url, admin }: RunningServer, as?: Access): TLSSocket {
  const { hostname: host, port } = new URL(url);
  const client = as === undefined ? {} : { cert: as.client.certificate, key: as.client.key };
  const ALPNProtocols = ["http/1.1"];
  return connectTls({ host, port: Number(port), ca: admin.authority, ALPNProtocols, ...client });
}

async function sendRaw(
  server: RunningServer,
  bytes: string | Uint8Array,
  as?: Access,
): Promise<string> {
  const socket = openSocket(server, as);
  socket.setTimeout(silenceMs, () => {
    if (socket.writableEnded) socket.destroy();
    else socket.end();
  });
  socket.once("end", () => socket.destroy());
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {}); // cut off: what came until then counts
  socket.write(bytes);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(parts).toString("latin1");
}
