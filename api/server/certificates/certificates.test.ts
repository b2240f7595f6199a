import { X509Certificate } from "node:crypto";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { asUser, openTestApp, type TestApp } from "../../../test/kit/app.ts";
import {
  certificateRequest,
  requestBody,
  requestKeys,
  type Wish,
} from "../../../test/kit/certificate-request.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { annotation } from "../../../crds/labels.ts";
import { textIn } from "../kinds/fill.ts";
import type { JsonObject } from "../kinds/kind.ts";
import { issueAuthority, type KeyPair } from "../pki/issue.ts";
import { cleanOnce } from "./clean-requests.ts";
import { tendRequests } from "./tend-requests.ts";

const requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const beacons = "/apis/lighthouse.dev/v1/beacons";
const secrets = "/api/v1/namespaces/kube-system/secrets";
const merge = { type: "application/merge-patch+json" };

let issuer: KeyPair;
let server: TestApp;
let serial = 0;
beforeAll(async () => {
  issuer = await issueAuthority("test-ca", Date.UTC(2026, 0, 1));
});
beforeEach(async () => {
  server = await openTestApp({ guarded: true });
  const { storage } = server.scope;
  const fail = (err: unknown): never => {
    throw err;
  };
  const stop = new AbortController();
  // Two servers of one store.
  for (const clock of [server.clock, server.clock]) {
    tendRequests({ storage, clock, issuer: () => issuer, onError: fail }, stop.signal);
  }
  return () => {
    stop.abort();
    return server[Symbol.asyncDispose]();
  };
});

const admin = { headers: asUser("root", "system:masters") };
const bearer = (id: string) => ({
  headers: asUser(`system:bootstrap:${id}`, "system:bootstrappers"),
});
const agent = (name: string) => ({ headers: asUser(`system:beacon:${name}`, "system:beacons") });

async function makeToken(id: string, data: Readonly<Record<string, string>> = {}): Promise<void> {
  const stringData = {
    "token-id": id,
    "token-secret": "0123456789abcdef",
    "usage-bootstrap-authentication": "true",
    ...data,
  };
  const metadata = { name: `bootstrap-token-${id}` };
  const body = { metadata, type: "bootstrap.kubernetes.io/token", stringData };
  expect((await server.send("POST", secrets, body, admin)).code).toBe(201);
}

/** Asks, and answers with the status code, the message and the request's name. */
async function ask(who: { readonly headers: Record<string, string> }, wish: Wish = {}) {
  const name = `r${(serial += 1)}`;
  const body = requestBody(name, await certificateRequest(wish));
  const { code, body: answer } = await server.send("POST", requests, body, who);
  return { name, code, message: textIn(answer, "message") };
}

const statusOf = async (name: string): Promise<JsonObject> => {
  const { body } = await server.send("GET", `${requests}/${name}`, undefined, admin);
  return (body["status"] ?? {}) as JsonObject;
};

const conditionsOf = ({ conditions = [] }: JsonObject): readonly JsonObject[] =>
  conditions as readonly JsonObject[];

/** What became of a request. */
async function outcome(name: string): Promise<JsonObject> {
  return eventually(`the request ${name} is decided`, async () => {
    const { body } = await server.send("GET", `${requests}/${name}`, undefined, admin);
    const status = (body["status"] ?? {}) as JsonObject;
    const { annotations = {} } = body["metadata"] as { annotations?: Record<string, string> };
    const waits = annotations[annotation.pendingReason];
    const [condition] = conditionsOf(status);
    if (status["certificate"] !== undefined) return { issued: condition?.["message"] };
    if (condition?.["type"] === "Denied") return { denied: condition["message"] };
    if (condition === undefined && waits !== undefined) return { waits };
    throw new Error(`not yet: ${JSON.stringify(status)}`);
  });
}

async function certificateOf(name: string): Promise<X509Certificate> {
  const { certificate } = await statusOf(name);
  return new X509Certificate(Buffer.from(String(certificate), "base64"));
}

test("a token brings a beacon in: signed for a week, key and labels on the Beacon", async () => {
  await makeToken("aaaaaa", { uses: "1", "node-labels": "site=paris,bad key=x" });
  const { name } = await ask(bearer("aaaaaa"));
  expect(await outcome(name)).toEqual({
    issued: "token aaaaaa is good for a beacon of any free name",
  });
  const certificate = await certificateOf(name);
  expect(certificate.subject).toBe(
    "O=system:beacons\nOU=lighthouse.dev/beacon\nCN=system:beacon:edge",
  );
  expect(certificate.verify(new X509Certificate(issuer.certificate).publicKey)).toBe(true);
  expect(certificate.validToDate.getTime() - server.clock.nowMs()).toBe(7 * 86_400_000);
  expect(certificate.ca).toBe(false);
  const { body } = await server.send("GET", `${beacons}/edge`, undefined, admin);
  expect(body["spec"]).toMatchObject({ nodeLabels: { site: "paris" } });
  const { annotations } = body["metadata"] as { annotations: Record<string, string> };
  expect(JSON.parse(annotations[annotation.agentKeys] ?? "")).toHaveLength(1);
});

test("of two that race for the last use of a token one gets it", async () => {
  await makeToken("aaaaaa", { uses: "1" });
  const subjects = ["one", "two"].map((name) => `CN=system:beacon:${name},O=system:beacons`);
  const asked = await Promise.all(subjects.map((subject) => ask(bearer("aaaaaa"), { subject })));
  // The second one may be refused as early as it is made.
  const ends = await Promise.all(
    asked.map(async ({ name, code, message }) =>
      code === 201 ? outcome(name) : { denied: message },
    ),
  );
  expect(ends.filter((end) => "issued" in end)).toHaveLength(1);
  expect(ends).toContainEqual({
    denied: expect.stringContaining("token aaaaaa is used up: it was good for 1"),
  });
  const late = await ask(bearer("aaaaaa"), { subject: "CN=system:beacon:three,O=system:beacons" });
  expect([late.code, late.message]).toEqual([
    403,
    expect.stringContaining("token aaaaaa is used up: it was good for 1"),
  ]);
});

test("of two hosts that race for one name one gets it, and the other one waits", async () => {
  await makeToken("aaaaaa");
  const asked = await Promise.all([ask(bearer("aaaaaa")), ask(bearer("aaaaaa"))]);
  const ends = await Promise.all(asked.map(({ name }) => outcome(name)));
  expect(ends.filter((end) => "issued" in end)).toHaveLength(1);
  expect(ends.filter((end) => "waits" in end)).toHaveLength(1);
});

test("a token opens no name but its own, and no name that somebody has", async () => {
  await makeToken("aaaaaa", { beacon: "edge" });
  await makeToken("bbbbbb");
  const other = await ask(bearer("aaaaaa"), { subject: "CN=system:beacon:x,O=system:beacons" });
  expect([other.code, other.message]).toEqual([
    403,
    expect.stringContaining('token aaaaaa is for beacon "edge", not for "x"'),
  ]);
  const first = await ask(bearer("bbbbbb"));
  expect(await outcome(first.name)).toHaveProperty("issued");
  const thief = await ask(bearer("bbbbbb"));
  expect(await outcome(thief.name)).toEqual({
    waits:
      'beacon "edge" is there with another key; approve it with "lighthouse beacon approve edge"',
  });
  const second = await ask(bearer("aaaaaa"));
  expect(await outcome(second.name)).toEqual({ issued: 'token aaaaaa is for beacon "edge"' });
});

test("a Beacon that people wrote in advance is free, one that an agent reports for is not", async () => {
  await makeToken("aaaaaa");
  const base = { apiVersion: "lighthouse.dev/v1", kind: "Beacon", spec: { paused: true } };
  for (const name of ["edge", "busy"]) {
    await server.send("POST", beacons, { ...base, metadata: { name } }, admin);
  }
  const status = { status: { version: "0.1.0" } };
  await server.send("PATCH", `${beacons}/busy/status`, status, { ...merge, ...admin });
  expect(await outcome((await ask(bearer("aaaaaa"))).name)).toHaveProperty("issued");
  const busy = await ask(bearer("aaaaaa"), { subject: "CN=system:beacon:busy,O=system:beacons" });
  expect(await outcome(busy.name)).toHaveProperty("waits");
});

test("a beacon renews for its own key, without a person and without a token", async () => {
  await makeToken("aaaaaa", { uses: "1" });
  const keys = await requestKeys();
  await outcome((await ask(bearer("aaaaaa"), { keys })).name);
  const renewal = await ask(agent("edge"), { keys });
  expect(await outcome(renewal.name)).toEqual({ issued: 'beacon "edge" renews its certificate' });
  const otherKey = await ask(agent("edge"));
  expect(await outcome(otherKey.name)).toHaveProperty("waits");
  const foreign = await ask(agent("other"), { keys });
  expect([foreign.code, foreign.message]).toEqual([
    403,
    expect.stringContaining('beacon "other" cannot ask for "edge"'),
  ]);
});

test("what waits is issued once somebody approves it, and nobody but who may", async () => {
  const lapsed = { headers: asUser("system:expired-beacon:edge", "system:expired-beacons") };
  const { name } = await ask(lapsed);
  expect(await outcome(name)).toHaveProperty("waits");
  const conditions = [{ type: "Approved", status: "True", reason: "ByHand", message: "" }];
  const url = `${requests}/${name}/approval`;
  const { body: before } = await server.send("GET", `${requests}/${name}`, undefined, admin);
  const verdict = { ...before, status: { conditions } };
  expect((await server.send("PUT", url, verdict, lapsed)).code).toBe(403);
  expect((await server.send("PUT", url, verdict, admin)).code).toBe(200);
  await eventually("it is issued", async () => (await statusOf(name))["certificate"] !== undefined);
  const [approved] = conditionsOf(await statusOf(name));
  expect(approved).toMatchObject({ reason: "ByHand", lastUpdateTime: expect.any(String) });
});

test.each<[string, Wish, RegExp]>([
  ["more than one O", { subject: "CN=system:beacon:x,O=system:beacons,O=system:masters" }, /one O/],
  ["the administrators' group", { subject: "CN=system:beacon:x,O=system:masters" }, /one O/],
  ["another user", { subject: "CN=admin,O=system:beacons" }, /one CN of the form/],
  ["two names", { subject: "CN=system:beacon:x,CN=admin,O=system:beacons" }, /one CN/],
  ["no name", { subject: "CN=system:beacon:,O=system:beacons" }, /one CN/],
  ["a path", { subject: "CN=system:beacon:../x,O=system:beacons" }, /NAME in CN/],
  [
    "an OU",
    { subject: "CN=system:beacon:x,O=system:beacons,OU=y" },
    /nothing but CN and O, has OU/,
  ],
  ["server names", { names: ["lighthouse.example"] }, /no extension may be asked for/],
  ["a weak key", { algorithm: "RSA-1024" }, /is RSA 1024/],
])("a request for %s is refused at once, whoever sends it", async (_what, wish, words) => {
  const { code, message } = await ask(admin, wish);
  expect(message).toMatch(words);
  expect(code).toBe(422);
});

test.each(["Ed25519", "RSA-2048"] as const)("a key of %s is good", async (algorithm) => {
  await makeToken("aaaaaa");
  expect(await outcome((await ask(bearer("aaaaaa"), { algorithm })).name)).toHaveProperty("issued");
});

test("a request that is damaged, or not signed by its key, is refused with the cause", async () => {
  const pem = await certificateRequest();
  const der = Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ""), "base64");
  der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
  const wrap = (text: string): string =>
    `-----BEGIN CERTIFICATE REQUEST-----\n${text}\n-----END CERTIFICATE REQUEST-----\n`;
  for (const [text, words] of [
    [wrap(der.toString("base64")), /is not signed with the key that it is for/],
    [wrap("AAAA"), /is no PKCS#10 certificate request/],
    [pem.replaceAll("CERTIFICATE REQUEST", "CERTIFICATE"), /PEM block type must be/],
  ] as const) {
    const { code, body } = await server.send("POST", requests, requestBody("bad", text), admin);
    expect([code, body["message"]]).toEqual([422, expect.stringMatching(words)]);
  }
});

test("the sender is who sent it, and the request cannot be changed afterwards", async () => {
  const body = requestBody("mine", await certificateRequest());
  const spec = { ...(body["spec"] as object), username: "admin", groups: ["system:masters"] };
  const { body: made } = await server.send("POST", requests, { ...body, spec }, agent("edge"));
  expect(made["spec"]).toMatchObject({
    username: "system:beacon:edge",
    groups: expect.not.arrayContaining(["system:masters"]),
  });
  const change = { spec: { username: "admin", usages: ["any"] } };
  const { body: after } = await server.send("PATCH", `${requests}/mine`, change, {
    ...merge,
    ...admin,
  });
  expect(after["spec"]).toEqual(made["spec"]);
});

test("a verdict stays, and no signer is trusted to give one through the status", async () => {
  const { name } = await ask(agent("edge"));
  const deny = { status: { conditions: [{ type: "Denied", status: "True", reason: "No" }] } };
  const options = { ...merge, ...admin };
  expect((await server.send("PATCH", `${requests}/${name}/approval`, deny, options)).code).toBe(
    200,
  );
  const gone = { status: { conditions: [] } };
  const removal = await server.send("PATCH", `${requests}/${name}/approval`, gone, options);
  expect([removal.code, removal.body["message"]]).toEqual([
    422,
    expect.stringContaining('updates may not remove a condition of type "Denied"'),
  ]);
  const both = {
    status: {
      conditions: [
        { type: "Denied", status: "True", reason: "No" },
        { type: "Approved", status: "True", reason: "Yes" },
      ],
    },
  };
  const twice = await server.send("PATCH", `${requests}/${name}/approval`, both, options);
  expect(twice.body["message"]).toMatch(/mutually exclusive/);
  await server.send("PATCH", `${requests}/${name}/status`, gone, options);
  expect(conditionsOf(await statusOf(name))).toMatchObject([{ type: "Denied" }]);
});

test("a sender has few requests waiting at once", async () => {
  const pem = await certificateRequest();
  const codes: number[] = [];
  for (let at = 0; at <= 20; at += 1) {
    const { code } = await server.send("POST", requests, requestBody(`w${at}`, pem), agent("edge"));
    codes.push(code);
  }
  expect(codes.slice(0, 20).every((code) => code === 201)).toBe(true);
  expect(codes.at(-1)).toBe(429);
});

test("requests and tokens that came to their end are removed", async () => {
  await makeToken("aaaaaa", { expiration: new Date(server.clock.nowMs() + 60_000).toISOString() });
  await makeToken("bbbbbb");
  const issued = await ask(bearer("aaaaaa"));
  await outcome(issued.name);
  const waiting = await ask(agent("edge"));
  await outcome(waiting.name);
  const left = async (): Promise<readonly string[]> => {
    const { storage } = server.scope;
    const onError = (err: unknown): void => expect.unreachable(String(err));
    await cleanOnce({ storage, clock: server.clock, onError });
    await storage.cache.reach((await storage.store.head()).revision, 1_000);
    const all = [
      ...storage.cache.list("/registry/certificates.k8s.io/certificatesigningrequests/"),
      ...storage.cache.list("/registry/core/secrets/kube-system/"),
    ];
    return all.map(({ object }) => object.metadata.name);
  };
  expect(await left()).toHaveLength(4);
  await server.clock.advance(2 * 3_600_000);
  expect(await left()).toEqual([waiting.name, "bootstrap-token-aaaaaa", "bootstrap-token-bbbbbb"]);
  await server.clock.advance(25 * 3_600_000);
  expect(await left()).toEqual(["bootstrap-token-bbbbbb"]);
});

test("whoever writes a Beacon may take keys off its record, and puts none there", async () => {
  await makeToken("aaaaaa");
  await outcome((await ask(bearer("aaaaaa"))).name);
  const url = `${beacons}/edge`;
  const recordOf = async (): Promise<string | undefined> => {
    const { body } = await server.send("GET", url, undefined, admin);
    const { annotations = {} } = body["metadata"] as { annotations?: Record<string, string> };
    return annotations[annotation.agentKeys];
  };
  const record = await recordOf();
  const before = await eventually("nobody else writes the Beacon meanwhile", async () => {
    const { body } = await server.send("GET", url, undefined, admin);
    const { annotations: _annotations, ...metadata } = body["metadata"] as { annotations: object };
    // A manifest knows nothing of keys.
    const { code } = await server.send("PUT", url, { ...body, metadata }, admin);
    return code === 200 && body;
  });
  expect(await recordOf()).toBe(record);
  const keys = [...(JSON.parse(record ?? "[]") as object[]), { key: "sha256:ff", expires: "2030" }];
  const added = { metadata: { annotations: { [annotation.agentKeys]: JSON.stringify(keys) } } };
  await server.send("PATCH", url, added, { ...merge, ...admin });
  expect(await recordOf()).toBe(record);
  const none = { metadata: { annotations: { [annotation.agentKeys]: "[]" } } };
  await server.send("PATCH", url, none, { ...merge, ...admin });
  expect(await recordOf()).toBe("[]");
  await server.send("DELETE", url, undefined, admin);
  const again = { ...before, metadata: { name: "edge", ...added.metadata } };
  expect((await server.send("POST", beacons, again, admin)).code).toBe(201);
  expect(await recordOf()).toBeUndefined();
});

test("kubectl get shows who wants what, and how it stands", async () => {
  await makeToken("aaaaaa");
  const { name } = await ask(bearer("aaaaaa"));
  await outcome(name);
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const { body } = await server.send("GET", requests, undefined, { ...admin, accept });
  const [row] = body["rows"] as readonly { cells: readonly unknown[] }[];
  expect(row?.cells).toEqual([
    name,
    expect.any(String),
    "lighthouse.dev/beacon",
    "system:bootstrap:aaaaaa",
    "<none>",
    "Approved,Issued",
  ]);
});
