import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Access } from "../../api/server/pki/kubeconfig.ts";
import { type AgentEnd, serveTunnel } from "../../api/tunnel/agent-end.ts";
import { dialTunnel, type DialTarget } from "../../api/tunnel/dial.ts";
import type { NodeAnswer } from "../../api/tunnel/node-link.ts";
import { tunnelPath } from "../../api/tunnel/protocol.ts";
import { createServedNodes } from "../../api/tunnel/served-nodes.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { label } from "../../crds/labels.ts";
import { eventually } from "../kit/eventually.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

// The agent of beacon `evil` belongs to an attacker who has its host. It knows its own node, evil-1,
// and wants good-1.

const signal = AbortSignal.timeout(60_000);
let rig: AttackRig;
let evil: Access;
let end: AgentEnd;
/** What the agent answers to whoever calls its node. */
let answer: () => NodeAnswer;

beforeAll(async () => {
  rig = await openAttackRig();
  for (const name of ["good", "evil"]) {
    await rig.arrange("POST", "/apis/lighthouse.dev/v1/beacons", {
      apiVersion: "lighthouse.dev/v1",
      kind: "Beacon",
      metadata: { name },
    });
    const metadata = { name: `${name}-1`, labels: { [label.beacon]: name } };
    await rig.arrange("POST", "/api/v1/nodes", { metadata });
  }
  await rig.arrange("POST", "/api/v1/namespaces/default/secrets", {
    metadata: { name: "prize" },
    stringData: { canary: "canary-of-good" },
  });
  evil = await rig.as("system:beacon:evil", "system:beacons");
  const { socket } = await dialTunnel(targetOf("evil"), signal);
  const nodes = createServedNodes();
  for (const name of ["evil-1", "good-1"]) nodes.serve(name, async () => answer());
  end = serveTunnel(socket, { nodes, clock: systemClock, onError: () => {} });
  await eventually("its tunnel is open", () => rig.server.nodes.handler("evil-1"));
});
afterAll(async () => {
  await end.close(0);
  await rig[Symbol.asyncDispose]();
});

function targetOf(beacon: string): DialTarget {
  const { client, authority } = evil;
  const credentials = { clientCert: client.certificate, clientKey: client.key };
  return {
    server: rig.server.url,
    roots: () => authority,
    credentials: async () => credentials,
    path: tunnelPath(beacon),
    what: `the tunnel of beacon "${beacon}"`,
  };
}

const refusedTo = (path: string) => (event: AuditOf) =>
  event.requestURI.startsWith(path) &&
  event.user.username === "system:beacon:evil" &&
  event.responseStatus?.code === 403;
type AuditOf = Parameters<Parameters<AttackRig["audited"]>[1]>[0];

test("it opens no tunnel of another beacon", async () => {
  await expect(dialTunnel(targetOf("good"), signal)).rejects.toThrow(/forbidden/);
  await rig.audited("the refusal", refusedTo(tunnelPath("good")));
  await rig.stillServes();
});

test("it is not asked for a node of another beacon, whatever it says to serve", () => {
  expect(() => rig.server.nodes.handler("good-1")).toThrow("no agent of it is connected");
});

const bodyOf: Readonly<Record<string, { readonly body: unknown }>> = {
  POST: { body: {} },
  PUT: { body: {} },
  PATCH: { body: {} },
};

test.each([
  ["GET", "/api/v1/namespaces/default/secrets/prize"],
  ["GET", "/api/v1/secrets"],
  ["GET", "/api/v1/nodes/good-1"],
  ["GET", "/api/v1/nodes/evil-1/proxy/info"],
  ["GET", "/api/v1/nodes/good-1/proxy/info"],
  ["GET", "/lighthouse/peer"],
  ["PATCH", "/api/v1/nodes/good-1/status"],
  ["PUT", "/apis/lighthouse.dev/v1/beacons/good/status"],
  ["POST", "/api/v1/namespaces/default/serviceaccounts/default/token"],
  ["POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"],
  ["DELETE", "/api/v1/nodes/good-1"],
])("%s %s is refused to it, and audited", async (method, path) => {
  const { status, text } = await rig.send(method, path, { as: evil, ...bodyOf[method] });
  expect(text).not.toContain("canary-of-good");
  expect(status).toBe(403);
  await rig.audited("the refusal", refusedTo(path));
});

const calm = (over: Partial<NodeAnswer>): NodeAnswer => ({
  status: 200,
  headers: {},
  body: Readable.from(["{}"]),
  ...over,
});

test.each<readonly [string, () => NodeAnswer]>([
  ["switches protocols unasked", () => calm({ status: 101, upgraded: new PassThrough() })],
  ["says 101 and nothing more", () => calm({ status: 101 })],
  ["answers with a status that is none", () => calm({ status: 9_999 })],
  ["answers with a status before the answer", () => calm({ status: 102 })],
  [
    "names headers that are none",
    () => calm({ headers: { "x y": "1", "x-a": "b\r\nset-cookie: a=b" } }),
  ],
  ["announces more than it sends", () => calm({ headers: { "content-length": "1000" } })],
  ["announces less than it sends", () => calm({ headers: { "content-length": "1" } })],
  ["sends no end of headers", () => calm({ headers: { "x-long": "a".repeat(1 << 20) } })],
  [
    "sets cookies for everybody",
    () => calm({ headers: { "set-cookie": "__Host-lighthouse=stolen" } }),
  ],
  [
    "throws in the middle",
    () =>
      calm({
        body: Readable.from(
          (function* () {
            yield "{";
            throw new Error("evil");
          })(),
        ),
      }),
  ],
])("a host that %s hurts nobody but who asked it", async (_what, evilAnswer) => {
  answer = evilAnswer;
  const path = "/api/v1/nodes/evil-1/proxy/info";
  const asked = rig.send("GET", path, { as: rig.server.admin });
  const reply = await asked.catch(() => undefined); // cut in the middle: no answer at all
  expect(reply?.headers["set-cookie"]).toBeUndefined();
  expect(reply?.status).not.toBe(101);
  await rig.stillServes();
  expect(() => rig.server.nodes.handler("evil-1")).not.toThrow();
});
