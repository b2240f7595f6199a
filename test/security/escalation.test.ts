import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { PodStreams } from "../../api/server/pods/pod-streams.ts";
import { certificateRequest, requestBody } from "../kit/certificate-request.ts";
import { attempts, bindingOf, to } from "./kit/escalations.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";
import { everything, openThieves, type Thieves } from "./kit/thieves.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const lab = `${rbac}/namespaces/lab`;
const core = "/api/v1";

let rig: AttackRig;
let thieves: Thieves;
let calls = 0;

/** What is there to be stolen. */
async function arrangeTargets(): Promise<void> {
  for (const name of ["lab", "vault"])
    await rig.arrange("POST", `${core}/namespaces`, { metadata: { name } });
  await rig.arrange(
    "POST",
    `${lab}/rolebindings`,
    bindingOf("strong", to("cluster-admin"), "boss"),
  );
  await rig.arrange("POST", `${lab}/rolebindings`, bindingOf("waiting", to("late", "Role"), "eve"));
  await rig.arrange("POST", `${lab}/roles`, { metadata: { name: "strong" }, rules: everything });
  await rig.arrange("POST", `${core}/namespaces/vault/serviceaccounts`, {
    metadata: { name: "boss" },
  });
  const secret = { metadata: { name: "gold" }, data: {} };
  await rig.arrange("POST", `${core}/namespaces/vault/secrets`, secret);
  for (const name of ["n1", "n2"])
    await rig.arrange("POST", `${core}/nodes`, { metadata: { name } });
  const streams: Partial<PodStreams> = {};
  rig.server.nodes.register("n1", streams as PodStreams, async () => {
    calls += 1;
    throw new Error("an agent was reached");
  });
}

beforeAll(async () => {
  rig = await openAttackRig();
  await arrangeTargets();
  thieves = await openThieves(rig);
});
afterAll(() => rig[Symbol.asyncDispose]());
afterEach(() => rig.stillServes());

test.each(attempts.map((one) => [`${one.by} ${one.what}`, one] as const))(
  "%s",
  async (_name, one) => {
    const { code = 403, by, send } = one;
    const reply = await thieves.attempt(one);
    expect([reply.status, JSON.parse(reply.text)]).toEqual([
      code,
      expect.objectContaining({ kind: "Status", status: "Failure", code }),
    ]);
    expect(calls).toBe(0);
    const event = await rig.audited(
      "the attempt",
      ({ user: { username }, requestURI, verb, responseStatus }) =>
        username === by && requestURI === send[1] && responseStatus?.code === code && verb !== "",
    );
    expect(event.stage).toBe("ResponseComplete");
  },
);

test("a certificate of the administrators is signed for nobody", async () => {
  const pem = await certificateRequest({ subject: "CN=mole,O=system:masters" });
  const url = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
  const reply = await thieves.attempt({
    by: "clerk",
    what: "",
    send: ["POST", url, requestBody("masters", pem)],
  });
  expect(reply.status).toBe(422);
  const beacon = requestBody("forged", await certificateRequest());
  const forged = {
    ...beacon,
    spec: { ...(beacon["spec"] as object), username: "admin", groups: ["system:masters"] },
  };
  const second = await thieves.attempt({ by: "clerk", what: "", send: ["POST", url, forged] });
  expect(JSON.parse(second.text)).toMatchObject({ spec: { username: "clerk" } });
});

test("a Pod brings no token of its account", async () => {
  const pod = { metadata: { name: "plain" }, spec: { containers: [{ name: "c", image: "i" }] } };
  const url = `${core}/namespaces/lab/pods`;
  const reply = await thieves.attempt({ by: "eve", what: "", send: ["POST", url, pod] });
  expect(reply.status).toBe(201);
  expect(reply.text).not.toContain("serviceAccountToken");
});
