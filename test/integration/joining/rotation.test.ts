import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AgentIdentity, openIdentity } from "../../../agent/join/identity.ts";
import { isOfIssuer } from "../../../agent/join/roots.ts";
import { createClient } from "../../../api/client/create-client.ts";
import { authorityHash, authorityPath } from "../../../api/client/join-link.ts";
import { loadKubeconfig } from "../../../api/client/kubeconfig.ts";
import { type AuthorityStatus, pemBlocks, rotationPath } from "../../../api/machinery/authority.ts";
import type { KubeObject } from "../../../api/machinery/object.ts";
import { configMaps } from "../../../api/machinery/resources.ts";
import { annotation } from "../../../crds/labels.ts";
import { eventually } from "../../kit/eventually.ts";
import { type JoinRig, openJoinRig } from "../../kit/join-rig.ts";

let rig: JoinRig;
beforeEach(async () => {
  rig = await openJoinRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function ask(method: "GET" | "POST", path: string): Promise<string> {
  const { config } = await loadKubeconfig({ path: rig.env.kubeconfig });
  await using client = createClient(config);
  const { body } = await client.raw({ method, path, accept: "*/*" });
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const status = async (): Promise<AuthorityStatus> =>
  JSON.parse(await ask("GET", rotationPath)) as AuthorityStatus;

/** Whether a request of the beacon waits for a person. */
async function isPending(beacon: string): Promise<boolean> {
  const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const { items } = JSON.parse(await ask("GET", path)) as { items: readonly KubeObject[] };
  return items.some(
    ({ metadata }) =>
      metadata.name.startsWith(`${beacon}-`) &&
      metadata.annotations?.[annotation.pendingReason] !== undefined,
  );
}

async function rotate(): Promise<void> {
  await ask("POST", `${rotationPath}/rotate`);
  await eventually("the new root issues", async () => (await status()).phase === "Issuing");
}

async function joined(agent: string): Promise<AgentIdentity> {
  return rig.joinAs(agent, rig.linkOf(await rig.makeToken()));
}

/** As after a restart of its process. */
async function restarted(agent: string, signal?: AbortSignal): Promise<AgentIdentity> {
  const options = { ...rig.optionsOf(agent), hurryMs: 10 };
  const found = await openIdentity(options, signal ?? AbortSignal.timeout(15_000));
  if (found === undefined) throw new Error("it has never joined");
  return found;
}

const fileOf = (agent: string, name: string): Promise<string> =>
  readFile(join(rig.dirOf(agent), name), "utf8");
const caOf = (agent: string): Promise<string> => fileOf(agent, "ca.crt");

test("a rotation renews what is awake, and lets in what slept", async () => {
  const oldRoot = rig.env.admin.ca ?? "";
  for (const agent of ["awake", "asleep"]) await joined(agent);
  const awake = await restarted("awake");
  const stop = new AbortController();
  const keeping = awake.keep(stop.signal);
  const oldLink = rig.linkOf(await rig.makeToken());
  await rotate();

  // Trusted beside the old one everywhere; who has nothing but the old one gets in all the same.
  const bundle = await ask("GET", authorityPath);
  const [newRoot = ""] = pemBlocks(bundle);
  expect(pemBlocks(bundle)).toHaveLength(2);
  expect(newRoot.trim()).not.toBe(oldRoot.trim());
  const place = { namespace: "kube-system", name: "kube-root-ca.crt" };
  const published = await rig.admin.get(configMaps, place);
  expect(published?.data?.["ca.crt"]).toBe(bundle);
  expect(await rig.visit(await rig.joinAs("old-link", oldLink))).toBe("old-link");
  const newLink = { ...rig.linkOf(await rig.makeToken()), caHash: authorityHash(newRoot) };
  expect(await rig.visit(await rig.joinAs("new-link", newLink))).toBe("new-link");

  // An answer tells the one that is awake, which renews by itself.
  expect((await status()).behind).toEqual(["asleep", "awake"]);
  expect(await rig.visit(awake)).toBe("awake");
  await eventually("awake renewed", async () => !(await status()).behind.includes("awake"));
  await eventually("awake has what was signed", async () =>
    isOfIssuer(await fileOf("awake", "agent.crt"), newRoot),
  );
  expect(pemBlocks(await caOf("awake"))).toHaveLength(2);

  await expect(ask("POST", `${rotationPath}/finish`)).rejects.toThrow(/old root \(asleep\)/);
  await ask("POST", `${rotationPath}/finish?force=true`);
  expect(await status()).toMatchObject({
    phase: "Stable",
    roots: [{ state: "Issuing" }, { state: "Dropped" }],
  });

  // The old credentials of the administrator are refused, those in the kubeconfig are new.
  await expect(rig.admin.get(configMaps, place)).rejects.toThrow(/Unauthorized/);
  expect(await rig.visit(awake)).toBe("awake");
  await eventually("awake forgets the old root", async () => {
    await rig.visit(awake);
    return pemBlocks(await caOf("awake")).length === 1;
  });

  // It trusts the old root alone: the new one comes certified by that, and a person lets it in again.
  expect((await caOf("asleep")).trim()).toBe(oldRoot.trim());
  const waking = restarted("asleep");
  await eventually("somebody is asked", () => isPending("asleep"));
  await rig.cli("beacon", "approve", "asleep");
  expect(await rig.visit(await waking)).toBe("asleep");
  expect((await caOf("asleep")).trim()).toBe(newRoot.trim());
  stop.abort();
  await keeping;
});

test("one rotation goes on at a time, and two may be slept through", async () => {
  await joined("asleep");
  await expect(ask("POST", `${rotationPath}/finish`)).rejects.toThrow(/nothing to finish/);
  for (let round = 0; round < 2; round += 1) {
    await rotate();
    await expect(ask("POST", `${rotationPath}/rotate`)).rejects.toThrow(/goes on already/);
    await ask("POST", `${rotationPath}/finish?force=true`);
  }
  const waking = restarted("asleep");
  await eventually("it gets through to ask", () => isPending("asleep"));
  await rig.cli("beacon", "approve", "asleep");
  expect(await rig.visit(await waking)).toBe("asleep");
});
