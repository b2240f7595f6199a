import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { openIdentity } from "../../../agent/join/identity.ts";
import { createClient } from "../../../api/client/create-client.ts";
import { authorityHash } from "../../../api/client/join-link.ts";
import { beacons, certificateRequests, secrets } from "../../../api/machinery/resources.ts";
import { type RunningServer, startServer } from "../../../api/server/server.ts";
import { memoryStore } from "../../../api/store/memory.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { eventually } from "../../kit/eventually.ts";
import { freePort } from "../../kit/free-port.ts";

const log = { info() {}, warn() {}, error() {}, debug() {} };
const encoded = (text: string): string => Buffer.from(text).toString("base64");

test("an agent that waits for an approval outlasts a restart of the server", async () => {
  await using stack = new AsyncDisposableStack();
  const root = await mkdtemp(join(tmpdir(), "lighthouse-restart-"));
  stack.defer(() => rm(root, { recursive: true, force: true }));
  const store = stack.use(memoryStore());
  const listen = { host: "127.0.0.1", port: await freePort() };
  const start = (): Promise<RunningServer> =>
    startServer({
      config: { listen, dataDir: join(root, "server"), names: [] },
      store,
      log: pino({ level: "silent" }),
      clock: systemClock,
      version: "0.0.0-test",
    });
  const first = await start();
  const { server, authority, client: access } = first.admin;
  const credentials = { clientCert: access.certificate, clientKey: access.key };
  const admin = stack.use(createClient({ server, ca: authority, credentials }));
  await admin.create(secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "bootstrap-token-abcdef", namespace: "kube-system" },
    type: "bootstrap.kubernetes.io/token",
    data: {
      "token-id": encoded("abcdef"),
      "token-secret": encoded("0123456789abcdef"),
      "usage-bootstrap-authentication": encoded("true"),
    },
  });
  // The name is taken: somebody reports for it.
  await admin.create(beacons, {
    apiVersion: "lighthouse.dev/v1",
    kind: "Beacon",
    metadata: { name: "edge" },
    spec: { paused: false },
  });
  const status = { type: "merge", body: { status: { version: "0.1.0" } } } as const;
  await admin.patch(beacons, { name: "edge" }, status, { subresource: "status" });
  const link = { server, token: "abcdef.0123456789abcdef", caHash: authorityHash(authority) };
  const options = { dataDir: join(root, "agent"), link, beacon: "edge", userAgent: "test", log };
  const signal = AbortSignal.timeout(20_000);
  const joining = openIdentity({ ...options, clock: systemClock }, signal);
  const request = await eventually("it waits", async () => {
    const { items } = await admin.list(certificateRequests);
    return items.find(({ metadata }) => metadata.annotations !== undefined);
  });
  await first[Symbol.asyncDispose]();
  const second = stack.use(await start());
  expect(second.admin.authority).toBe(authority);
  const conditions = [{ type: "Approved", status: "True", reason: "ByHand" }];
  const found = await admin.get(certificateRequests, { name: request.metadata.name });
  if (found === undefined) throw new Error("the request is gone");
  const approved = { ...found, status: { ...found.status, conditions } };
  await admin.replace(certificateRequests, approved, { subresource: "approval" });
  expect((await joining)?.beacon).toBe("edge");
  expect(await readFile(join(root, "agent", "agent.crt"), "utf8")).toContain("BEGIN CERTIFICATE");
});
