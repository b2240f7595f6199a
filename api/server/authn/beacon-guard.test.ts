import { EventEmitter } from "node:events";
import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { annotation } from "../../../crds/labels.ts";
import { rememberKey } from "../certificates/beacon-record.ts";
import { keyFingerprint } from "../certificates/read-request.ts";
import { issueAuthority, issueForKey, type KeyPair } from "../pki/issue.ts";
import { beaconAuthenticator } from "./beacon-authenticator.ts";
import { type BeaconGuard, openBeaconGuard } from "./beacon-guard.ts";

const dayMs = 86_400_000;
const beacons = "/apis/lighthouse.dev/v1/beacons";
const merge = { type: "application/merge-patch+json" };

let server: TestApp;
let issuer: KeyPair;
beforeEach(async () => {
  server = await openTestApp();
  issuer = await issueAuthority("test", server.clock.nowMs());
});
afterEach(() => server[Symbol.asyncDispose]());

/** A certificate of a fresh key, with the key on record unless it is the server's own. */
async function certificate(unit: string | undefined, user = "system:beacon:edge") {
  const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const der = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
  const nowMs = server.clock.nowMs();
  const identity = { user, groups: ["system:beacons"], ...(unit === undefined ? {} : { unit }) };
  const pem = await issueForKey(issuer, { identity, publicKey: der, nowMs, lifetimeMs: dayMs });
  return { raw: new X509Certificate(pem).raw, key: keyFingerprint(der), nowMs };
}

const signer = "lighthouse.dev/beacon";

function open() {
  const { storage } = server.scope;
  const guard = openBeaconGuard({ cache: storage.cache, clock: server.clock });
  const roots = [issuer.certificate];
  return {
    guard,
    known: beaconAuthenticator({ guard, trust: () => roots }),
    storage,
  };
}

/** A listener of the guard's, to which clients connect with certificates. */
function connecting(guard: BeaconGuard) {
  const listener = new EventEmitter();
  guard.watch(listener);
  return (raw: Buffer | undefined) => {
    const socket = Object.assign(new EventEmitter(), {
      authorized: raw !== undefined,
      getPeerX509Certificate: () => (raw === undefined ? undefined : { raw }),
      destroyed: false,
      destroy(): void {
        this.destroyed = true;
      },
    });
    listener.emit("secureConnection", socket);
    return socket;
  };
}

async function remember(key: string, nowMs: number): Promise<void> {
  const record = { beacon: "edge", key: { key, expires: "2026-01-08T00:00:00Z" }, nodeLabels: {} };
  await rememberKey(server.scope.storage, { ...record, nowMs }, () => true);
}

test("a certificate is good for as long as its key is on the Beacon's record", async () => {
  const { known } = open();
  const { raw, key, nowMs } = await certificate(signer);
  const ask = () => known.authenticate({ headers: {}, certificate: raw });
  await expect(ask()).rejects.toThrow(/there is no such Beacon/);
  await remember(key, nowMs);
  expect(await ask()).toEqual({ name: "system:beacon:edge", groups: ["system:beacons"] });
  const emptied = { metadata: { annotations: { [annotation.agentKeys]: "[]" } } };
  await server.send("PATCH", `${beacons}/edge`, emptied, merge);
  await expect(ask()).rejects.toThrow(/its key is not on record/);
  const broken = { metadata: { annotations: { [annotation.agentKeys]: "{" } } };
  await server.send("PATCH", `${beacons}/edge`, broken, merge);
  await expect(ask()).rejects.toThrow(/its key is not on record/);
});

test("one that the server issued to itself needs no record, and can be revoked all the same", async () => {
  const { known } = open();
  const { raw } = await certificate(undefined);
  const ask = () => known.authenticate({ headers: {}, certificate: raw });
  expect(await ask()).toBeDefined();
  await server.send("POST", beacons, {
    apiVersion: "lighthouse.dev/v1",
    kind: "Beacon",
    metadata: { name: "edge", annotations: { [annotation.revoked]: "2026-01-01T00:00:00Z" } },
  });
  await expect(ask()).rejects.toThrow(/it was revoked at 2026-01-01T00:00:00Z/);
});

test("a connection does not outlive its certificate; its owner may ask for another one then", async () => {
  const { known } = open();
  const { raw, key, nowMs } = await certificate(signer);
  await remember(key, nowMs);
  await server.clock.advance(dayMs);
  await expect(known.authenticate({ headers: {}, certificate: raw })).rejects.toThrow(
    /it ended at 2026-01-02T00:00:00Z, the server's clock says 2026-01-02T00:00:00Z/,
  );
  expect(await known.authenticate({ headers: {}, expired: raw })).toEqual({
    name: "system:expired-beacon:edge",
    groups: ["system:expired-beacons"],
  });
});

test("what is no agent's certificate is left to others, and so is one that nobody signed", async () => {
  const { known } = open();
  const { raw } = await certificate(signer, "admin");
  issuer = await issueAuthority("forger", server.clock.nowMs());
  const forged = await certificate(signer);
  expect(await known.authenticate({ headers: {}, expired: forged.raw })).toBeUndefined();
  expect(await known.authenticate({ headers: {} })).toBeUndefined();
  // A member of the agents' group whose name says no beacon is nobody's agent.
  await expect(known.authenticate({ headers: {}, certificate: raw })).rejects.toThrow(/beacon ""/);
});

test("connections end when their certificate is refused, and no other ones", async () => {
  const { guard } = open();
  const [mine, others] = [await certificate(signer), await certificate(signer)];
  await remember(mine.key, mine.nowMs);
  await remember(others.key, others.nowMs);
  const socketOf = connecting(guard);
  const [bad, good, stranger] = [socketOf(mine.raw), socketOf(others.raw), socketOf(undefined)];
  const closed = socketOf(mine.raw);
  closed.emit("close");
  const kept = JSON.stringify([{ key: others.key, expires: "2026-01-08T00:00:00Z" }]);
  const patch = { metadata: { annotations: { [annotation.agentKeys]: kept } } };
  await server.send("PATCH", `${beacons}/edge`, patch, merge);
  const { store, cache } = server.scope.storage;
  await cache.reach((await store.head()).revision, 1_000);
  expect([bad, good, stranger, closed].map(({ destroyed }) => destroyed)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});

test("a watch or tunnel that asks nothing more ends with its certificate", async () => {
  const { guard } = open();
  const { raw, key, nowMs } = await certificate(signer);
  await remember(key, nowMs);
  const socketOf = connecting(guard);
  const [watching, closed] = [socketOf(raw), socketOf(raw)];
  closed.emit("close");
  await server.clock.advance(dayMs - 1);
  expect(watching.destroyed).toBe(false);
  await server.clock.advance(1);
  expect([watching.destroyed, closed.destroyed]).toEqual([true, false]);
});
