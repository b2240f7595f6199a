import { readdir, readFile, readlink, mkdtemp, rm } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startLighthouse } from "../kit/lighthouse.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

let rig: AttackRig;
beforeAll(async () => {
  rig = await openAttackRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const portOf = (url: string): number => Number(new URL(url).port);

/** The version that a handshake came to, or the code of its failure. */
function shakeHands(port: number, options: ConnectionOptions): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host: "127.0.0.1",
      port,
      rejectUnauthorized: false,
      ...options,
    });
    const end = (what: string): void => {
      socket.destroy();
      resolve(what);
    };
    socket.once("secureConnect", () => end(socket.getProtocol() ?? "none"));
    socket.once("error", (err: Error & { readonly code?: string }) => end(err.code ?? err.message));
    socket.once("close", () => end("closed"));
  });
}

/** OpenSSL itself refuses to speak these unless it is asked to forget all caution. */
const anything = { ciphers: "ALL:@SECLEVEL=0" } as const;

/** Everything that a peer says until it ends the connection. */
function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectPlain({ host: "127.0.0.1", port });
    let said = "";
    socket.on("data", (chunk) => (said += chunk.toString("latin1")));
    socket.once("error", reject).once("close", () => resolve(said));
    socket.write(text);
  });
}

test.each(["TLSv1", "TLSv1.1"] as const)("%s is refused", async (version) => {
  const options = { ...anything, minVersion: version, maxVersion: version };
  const outcome = await shakeHands(portOf(rig.server.url), options);
  expect(outcome).toMatch(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
  await rig.stillServes();
});

test.each(["TLSv1.2", "TLSv1.3"] as const)("%s is spoken", async (version) => {
  const options = { minVersion: version, maxVersion: version };
  expect(await shakeHands(portOf(rig.server.url), options)).toBe(version);
});

test.each([
  ["without forward secrecy", "AES128-GCM-SHA256:AES256-SHA"],
  [
    "without authentication of what it encrypts",
    "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA",
  ],
  ["without encryption", "NULL"],
  ["of anonymous peers", "ADH"],
])("a suite %s is refused", async (_what, ciphers) => {
  const options = { ciphers: `${ciphers}:@SECLEVEL=0`, maxVersion: "TLSv1.2" } as const;
  expect(await shakeHands(portOf(rig.server.url), options)).toMatch(/HANDSHAKE_FAILURE|NO_SHARED/);
});

test("plain HTTP on the port gets a 400 that says why, and nothing is done", async () => {
  const request =
    "DELETE /api/v1/namespaces/default HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n";
  const said = await ask(portOf(rig.server.url), request);
  expect(said).toMatch(/^HTTP\/1\.0 400 Bad Request\r\n/);
  expect(said).toContain("Client sent an HTTP request to an HTTPS server.\n");
  await rig.stillServes();
});

test("what is neither TLS nor HTTP is ended without an answer in plain text", async () => {
  expect(await ask(portOf(rig.server.url), "SSH-2.0-x\r\n")).not.toContain("HTTP");
  await rig.stillServes();
});

test("every answer says to browsers what they may do with it", async () => {
  for (const path of ["/livez", "/api/v1/namespaces", "/no/such/path"]) {
    const { headers } = await rig.send("GET", path);
    expect(headers).toMatchObject({
      "strict-transport-security": "max-age=31536000",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "cache-control": "no-cache, private",
    });
  }
});

/** Ports that a process listens on, as the kernel knows them. */
async function listeningPorts(pid: number): Promise<readonly number[]> {
  const links = await Promise.all(
    (await readdir(`/proc/${pid}/fd`)).map((fd) =>
      readlink(`/proc/${pid}/fd/${fd}`).catch(() => ""),
    ),
  );
  const own = new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []));
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => readFile(`/proc/${pid}/net/${name}`, "utf8")),
  );
  const rows = tables.flatMap((table) => table.trim().split("\n").slice(1));
  return rows.flatMap((row) => {
    const [, address = "", , state, , , , , , inode = ""] = row.trim().split(/\s+/);
    const isListening = state === "0A" && own.has(inode);
    return isListening ? [Number.parseInt(address.split(":").at(-1) ?? "", 16)] : [];
  });
}

test("a running program listens on one port, and speaks nothing below TLS 1.2 there", async () => {
  const root = await mkdtemp(join(tmpdir(), "lighthouse-scan-"));
  try {
    const dataDir = join(root, "data");
    await using program = await startLighthouse({ dataDir, docker: [], args: ["--simulate"] });
    const port = portOf(program.url);
    expect(await listeningPorts(program.pid)).toEqual([port]);
    const old = { ...anything, minVersion: "TLSv1", maxVersion: "TLSv1.1" } as const;
    expect(await shakeHands(port, old)).toMatch(/ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
    expect(await shakeHands(port, { minVersion: "TLSv1.2" })).toBe("TLSv1.3");
    expect(await ask(port, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")).toContain("400 Bad Request");
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});

test("no CustomResourceDefinition serves what the servers keep of the authority", async () => {
  const [plural, group] = ["authorities", "lighthouse.dev"];
  const schema = { openAPIV3Schema: { type: "object" } };
  const definition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Cluster",
      names: { plural, singular: "authority", kind: "Authority" },
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const { status } = await rig.send("POST", path, { as: rig.server.admin, body: definition });
  expect(status).toBe(403);
  await rig.audited(
    "the attempt",
    ({ verb, requestURI }) => verb === "create" && requestURI === path,
  );
});
