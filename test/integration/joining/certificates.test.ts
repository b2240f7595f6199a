import { X509Certificate } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AgentIdentity, openIdentity } from "../../../agent/join/identity.ts";
import { createClient } from "../../../api/client/create-client.ts";
import { beacons } from "../../../api/machinery/resources.ts";
import { issueAuthority, issueForKey, type KeyPair } from "../../../api/server/pki/issue.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { eventually } from "../../kit/eventually.ts";
import { type JoinRig, openJoinRig } from "../../kit/join-rig.ts";

let rig: JoinRig;
beforeAll(async () => {
  rig = await openJoinRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

const dayMs = 86_400_000;
const fileOf = (agent: string, file: string): string => join(rig.dirOf(agent), file);
const textOf = (agent: string, file: string): Promise<string> =>
  readFile(fileOf(agent, file), "utf8");

/** A certificate for the agent's key that holds for a day from `nowMs` on, by any authority. */
async function certify(agent: string, issuer: KeyPair, nowMs: number): Promise<string> {
  const { publicKey } = new X509Certificate(await textOf(agent, "agent.crt"));
  const identity = {
    user: `system:beacon:${agent}`,
    groups: ["system:beacons"],
    unit: "lighthouse.dev/beacon",
  };
  const der = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  return issueForKey(issuer, { identity, publicKey: der, nowMs, lifetimeMs: dayMs });
}

async function authority(): Promise<KeyPair> {
  const pki = join(rig.env.kubeconfig, "..", "pki");
  const [certificate, key] = await Promise.all(
    ["ca.crt", "ca.key"].map((file) => readFile(join(pki, file), "utf8")),
  );
  return { certificate: certificate ?? "", key: key ?? "" };
}

const clientOf = async (identity: AgentIdentity, clientCert: string) => {
  const clientKey = await textOf(identity.beacon, "agent.key");
  return createClient({ ...identity.config, credentials: { clientCert, clientKey } });
};

/** The agent as it will be five days from now, when two thirds of the week are not quite over. */
const later = { ...systemClock, nowMs: () => Date.now() + 5 * dayMs };

test("a certificate is renewed by itself, and its old one goes on until it ends", async () => {
  const identity = await rig.joinAs("fresh", rig.linkOf(await rig.makeToken({ uses: "1" })));
  const before = await textOf("fresh", "agent.crt");
  const stop = new AbortController();
  const agent = await openIdentity({ ...rig.optionsOf("fresh"), clock: later }, stop.signal);
  const keeping = agent?.keep(stop.signal);
  await eventually("the file has another one", async () => {
    return (await textOf("fresh", "agent.crt")) !== before;
  });
  stop.abort();
  await keeping;
  expect(await rig.visit(await rig.joinAs("fresh"))).toBe("fresh");
  expect(await rig.visit(identity)).toBe("fresh");
});

test("a client takes up a renewed certificate with its next call", async () => {
  const stop = new AbortController();
  await rig.joinAs("alive", rig.linkOf(await rig.makeToken()));
  const agent = await openIdentity({ ...rig.optionsOf("alive"), clock: later }, stop.signal);
  if (agent === undefined) throw new Error("nobody joined");
  const { credentials } = agent.config;
  const now = async (): Promise<string> =>
    (typeof credentials === "function" ? await credentials() : credentials)?.clientCert ?? "";
  const before = await now();
  await using client = createClient(agent.config);
  expect(await client.get(beacons, { name: "alive" })).toBeDefined();
  const keeping = agent.keep(stop.signal);
  await eventually("it has another one", async () => (await now()) !== before);
  expect(await client.get(beacons, { name: "alive" })).toBeDefined();
  stop.abort();
  await keeping;
});

test("the old certificate stays in use when there is no room for the next one", async () => {
  await rig.joinAs("full", rig.linkOf(await rig.makeToken()));
  const stop = new AbortController();
  const warned: string[] = [];
  const options = rig.optionsOf("full");
  const log = { ...options.log, warn: (_fields: object, text: string) => void warned.push(text) };
  const agent = await openIdentity({ ...options, clock: later, log }, stop.signal);
  if (agent === undefined) throw new Error("nobody joined");
  // A full disk fails in the same call as a folder that is gone.
  await rm(rig.dirOf("full"), { recursive: true });
  const keeping = agent.keep(stop.signal);
  await eventually("it says so", () =>
    warned.some((text) => text.includes("the old one stays in use")),
  );
  expect(await rig.visit(agent)).toBe("full");
  stop.abort();
  await keeping;
});

test("whose certificate has ended may ask for another one and nothing else, until it is approved", async () => {
  const identity = await rig.joinAs("lapsed", rig.linkOf(await rig.makeToken()));
  const ended = await certify("lapsed", await authority(), Date.now() - 2 * dayMs);
  await writeFile(fileOf("lapsed", "agent.crt"), ended);
  const waiting = rig.joinAs("lapsed");
  const request = await eventually("it asks", async () => {
    const requests = await rig.requestsFor("lapsed");
    return requests.find(({ spec }) => spec.username === "system:expired-beacon:lapsed");
  });
  await using lapsed = await clientOf(identity, ended);
  await expect(lapsed.get(beacons, { name: "lapsed" })).rejects.toThrow(/cannot get resource/);
  const listed = await rig.cli("beacon", "list");
  expect(listed.stdout).toContain(`lapsed        ${request.metadata.name}`);
  const { stdout, stderr } = await rig.cli("beacon", "approve", "lapsed");
  expect([stdout, stderr]).toEqual([
    `beacon lapsed approved: ${request.metadata.name}, asked by system:expired-beacon:lapsed\n`,
    "",
  ]);
  expect(await rig.visit(await waiting)).toBe("lapsed");
});

test("revoking a beacon ends its watches, refuses it and says why; a token that names it lets it in", async () => {
  const identity = await rig.joinAs("bad", rig.linkOf(await rig.makeToken()));
  await using client = createClient(identity.config);
  const select = { fieldSelector: "metadata.name=bad" };
  const { resourceVersion } = await client.list(beacons, select);
  const watching = client.watch(
    beacons,
    { ...select, resourceVersion },
    AbortSignal.timeout(15_000),
  );
  const ended = (async () => {
    const seen: string[] = [];
    try {
      for await (const { type } of watching) seen.push(type);
      return "ended";
    } catch (err) {
      return err instanceof Error ? err.message : String(err);
    }
  })();
  expect(await rig.visit(identity)).toBe("bad");
  const { stdout } = await rig.cli("beacon", "revoke", "bad");
  expect(stdout).toContain("beacon bad revoked");
  expect(await rig.visit(identity)).toMatch(
    /Cannot accept the certificate of beacon "bad": it was revoked at .*; join again with a token of "lighthouse token create --beacon bad"/,
  );
  expect(await ended).toMatch(/^ended$|Lost the connection/);
  const stop = new AbortController();
  const stranger = rig.optionsOf("other", rig.linkOf(await rig.makeToken(), "bad"));
  const waiting = openIdentity(stranger, stop.signal).catch((err: unknown) => err);
  await eventually("a stranger waits: the name is taken", async () => {
    return (await rig.requestsFor("bad")).some(({ status }) => status?.certificate === undefined);
  });
  stop.abort(new Error("enough"));
  expect(await waiting).toMatchObject({ message: "enough" });
  const naming = rig.linkOf(await rig.makeToken({ beacon: "bad" }), "bad");
  expect(await rig.visit(await rig.joinAs("bad", naming))).toBe("bad");
});

test("a Beacon that was deleted takes its certificates along, and no agent brings it back", async () => {
  const identity = await rig.joinAs("gone", rig.linkOf(await rig.makeToken()));
  await rig.admin.delete(beacons, { name: "gone" });
  await eventually("it is refused", async () =>
    (await rig.visit(identity)).includes("there is no such Beacon, it was deleted"),
  );
});

test("a certificate of another authority is nobody's, ended or not", async () => {
  const identity = await rig.joinAs("true", rig.linkOf(await rig.makeToken()));
  for (const nowMs of [Date.now(), Date.now() - 9 * dayMs]) {
    const forger = await issueAuthority("lighthouse-ca", nowMs);
    await using client = await clientOf(identity, await certify("true", forger, nowMs));
    await expect(client.get(beacons, { name: "true" })).rejects.toThrow("Unauthorized");
  }
});
