import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { issueAuthority, issueCertificate, type KeyPair } from "../../api/server/pki/issue.ts";
import { finish } from "../../test/conformance/engine-kit.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "./dockerode.ts";

let authority: KeyPair;
let stranger: KeyPair;
let server: KeyPair;
let client: KeyPair;

beforeAll(async () => {
  const nowMs = Date.now();
  const identity = { user: "engine", groups: [] };
  authority = await issueAuthority("engines", nowMs);
  stranger = await issueAuthority("strangers", nowMs);
  const names = ["127.0.0.1"];
  server = await issueCertificate(authority, { identity, usage: "server", names, nowMs });
  client = await issueCertificate(authority, { identity, usage: "client", names: [], nowMs });
});

async function certDir({ certificate }: KeyPair): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "certs-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, "ca.pem"), certificate);
  await writeFile(join(dir, "cert.pem"), client.certificate);
  await writeFile(join(dir, "key.pem"), client.key);
  return dir;
}

function portOf(listening: Server): number {
  const bound = listening.address();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}

/** An engine behind TLS that wants client certificates, as `dockerd --tlsverify`. */
async function start(): Promise<string> {
  const simulated = await simulatedEngine();
  const options = {
    ca: authority.certificate,
    cert: server.certificate,
    key: server.key,
    requestCert: true,
    allowHalfOpen: true,
  };
  const proxy = createServer(options, (outer) => {
    const inner = connect({ path: simulated.url.slice("unix://".length), allowHalfOpen: true });
    outer.on("error", () => inner.destroy());
    inner.on("error", () => outer.destroy());
    outer.pipe(inner).pipe(outer);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(async () => {
    await simulated[Symbol.asyncDispose]();
    proxy.close();
  });
  return `tcp://127.0.0.1:${portOf(proxy)}`;
}

test("an engine behind TLS serves calls and taken-over connections", async () => {
  const url = await start();
  await using engine = openEngine(url, { certDir: await certDir(authority) });
  expect((await engine.info()).simulated).toBe(true);
  const id = await engine.containers.create("web", { Image: testImages.web });
  await engine.containers.start(id);
  const session = await engine.io.exec(id, { command: ["cat"], stdin: true });
  expect(await finish(session, "over TLS\n")).toMatchObject({ stdout: "over TLS\n", code: 0 });
});

test("an engine that another authority vouches for is refused by name", async () => {
  const url = await start();
  await using engine = openEngine(url, { certDir: await certDir(stranger) });
  await expect(engine.info()).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: `Cannot reach Docker engine at ${url}: its certificate is not from the CA in ca.pem`,
  });
});

test("TLS that is only on one side says which side", async () => {
  const url = await start();
  await using plain = openEngine(url);
  await expect(plain.info()).rejects.toMatchObject({
    message: expect.stringContaining("DOCKER_CERT_PATH") as string,
  });
});
