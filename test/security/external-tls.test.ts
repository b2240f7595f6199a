import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openExternal } from "../../api/server/external-tls.ts";
import { issueAuthority, issueCertificate, type KeyPair } from "../../api/server/pki/issue.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { eventually } from "../kit/eventually.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

const publicName = "lighthouse.example.com";

let root: string;
let rig: AttackRig;
let publicCa: KeyPair;
let people: KeyPair;

const path = (name: string): string => join(root, name);

async function issue(name: string, authority: KeyPair, nowMs = Date.now()): Promise<KeyPair> {
  const identity = { user: "web", groups: [] };
  const names = [publicName, "lighthouse"];
  const pair = await issueCertificate(authority, { identity, usage: "server", names, nowMs });
  await writeFile(path(`${name}.crt`), pair.certificate);
  await writeFile(path(`${name}.key`), pair.key);
  return pair;
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "lighthouse-external-"));
  publicCa = await issueAuthority("public", Date.now());
  people = await issueAuthority("people", Date.now());
  await writeFile(path("people.crt"), people.certificate);
  await issue("web", publicCa);
  const pairs = [{ cert: path("web.crt"), key: path("web.key") }];
  rig = await openAttackRig({ config: { externalTls: { pairs, clientCa: path("people.crt") } } });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});

/** The certificate that is shown to who asks for a name and trusts one authority, or why it is refused. */
function shown(servername: string, ca: string): Promise<string> {
  return new Promise((resolve) => {
    const target = { host: "127.0.0.1", port: Number(new URL(rig.server.url).port) };
    const socket = connect({ ...target, servername, ca }, () => {
      resolve(socket.getPeerCertificate().subject.CN?.toString() ?? "");
      socket.destroy();
    });
    socket.once("error", (err: Error & { code?: string }) => resolve(err.code ?? err.message));
  });
}

test("people who ask by the public name see the public certificate, all others our own", async () => {
  const own = rig.server.admin.authority;
  expect(await shown(publicName, publicCa.certificate)).toBe("web");
  expect(await shown(publicName, own)).toMatch(/UNABLE_TO|SELF_SIGNED/);
  // By this name agents ask, and no certificate of others stands in their way.
  expect(await shown("lighthouse", own)).toBe("lighthouse-server");
  expect(await shown("localhost", own)).toBe("lighthouse-server");
  await rig.stillServes();
});

test("client certificates of a further authority are users, and those of a third one nobody", async () => {
  const ask = async (authority: KeyPair): Promise<number> => {
    const identity = { user: "ann", groups: ["nobodies"] };
    const wanted = { identity, usage: "client", names: [], nowMs: Date.now() } as const;
    const client = await issueCertificate(authority, wanted);
    const { status } = await rig.send("GET", "/api/v1/nodes", {
      as: { ...rig.server.admin, client },
    });
    return status;
  };
  expect(await ask(people)).toBe(403);
  expect(await ask(publicCa)).toBe(401);
});

const log = { info: () => undefined, error: () => undefined };
const filesOf = (name: string) => ({
  pairs: [{ cert: path(`${name}.crt`), key: path(`${name}.key`) }],
});

test("wrong files are named at the start", async () => {
  const open = (name: string): Promise<unknown> =>
    openExternal({ files: filesOf(name), clock: systemClock, log });
  await expect(open("missing")).rejects.toThrow(/missing\.crt: ENOENT/);
  await issue("late", publicCa, Date.now() - 400 * 86_400_000);
  await expect(open("late")).rejects.toThrow(/late\.crt: it expired on 20/);
  await issue("mixed", publicCa);
  await writeFile(path("mixed.key"), people.key);
  await expect(open("mixed")).rejects.toThrow(/mixed\.key: it is not the key of the certificate/);
  await writeFile(path("mixed.crt"), "nonsense");
  await expect(open("mixed")).rejects.toThrow(/mixed\.crt: it does not hold a certificate in PEM/);
  const clientCa = path("web.crt");
  await expect(
    openExternal({ files: { pairs: [], clientCa }, clock: systemClock, log }),
  ).rejects.toThrow(/web\.crt: it holds a certificate of no authority/);
});

test("files that change are taken up, and while they are wrong the former ones stay", async () => {
  await issue("hot", publicCa);
  const told: unknown[] = [];
  const external = await openExternal({
    files: filesOf("hot"),
    clock: systemClock,
    log: { ...log, error: (fields) => told.push(fields) },
    reloadMs: 10,
  });
  const stop = new AbortController();
  let changes = 0;
  const following = external.follow(stop.signal, () => (changes += 1));
  const first = external.context(publicName, "");
  await writeFile(path("hot.crt"), "nonsense");
  await eventually("the error is told", () => told.length > 0);
  expect(external.context(publicName, "")).toBe(first);
  await issue("hot", publicCa);
  await eventually("the new pair is used", () => changes > 0);
  expect(external.context(publicName, "")).not.toBe(first);
  expect(external.context("other.example.com", "")).toBeUndefined();
  expect(told).toHaveLength(1);
  stop.abort();
  await following;
});
