import { expect, test } from "vitest";
import { asUser, metaOf, openTestApp, type TestApp } from "../../../test/kit/app.ts";

const collection = "/apis/lighthouse.dev/v1/namespaces/default/applications";
const web = `${collection}/web`;
const approve = `${web}/approve`;
const merge = "application/merge-patch+json";

const admin = { headers: asUser("root", "system:masters") };

const application = {
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name: "web" },
  spec: {
    replicas: 2,
    template: { spec: { containers: [{ name: "web", image: "web:v1" }] } },
    strategy: { canary: { count: 1, approve: "Manual" } },
  },
};

const waiting = { phase: "Waiting", reason: "WaitingForApproval", revision: "web-2" };

/** An Application whose rollout is as given; everybody is who they say they are. */
async function appWith(rollout: object | undefined): Promise<TestApp> {
  const app = await openTestApp({ guarded: true });
  await app.send("POST", collection, application, admin);
  if (rollout === undefined) return app;
  const patch = { status: { rollout } };
  const { code, text } = await app.send("PATCH", `${web}/status`, patch, { type: merge, ...admin });
  expect(code, text).toBe(200);
  return app;
}

async function bind({ send }: TestApp, user: string, role: string): Promise<void> {
  const url = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
  const binding = {
    metadata: { name: `${user}-${role}` },
    roleRef: { kind: "ClusterRole", name: role },
    subjects: [{ kind: "User", name: user }],
  };
  await send("POST", url, binding, admin);
  const seen = async (): Promise<number> =>
    (await send("GET", web, undefined, { headers: asUser(user) })).code;
  await expect.poll(seen).toBe(200);
}

const annotations = async ({ send }: TestApp): Promise<Readonly<Record<string, string>>> =>
  metaOf((await send("GET", web, undefined, admin)).body).annotations ?? {};

test.each([
  ["a POST without a body", "POST", undefined, {}],
  ["a POST that names the Revision", "POST", { revision: "web-2" }, {}],
  ["a PUT of the whole approval", "PUT", { kind: "RolloutApproval", revision: "web-2" }, {}],
  ["a merge patch", "PATCH", { revision: "web-2" }, { type: merge }],
] as const)("the approval is put on record by %s", async (_name, method, body, options) => {
  await using app = await appWith(waiting);
  await bind(app, "eve", "approver");
  const sent = { ...options, headers: asUser("eve") };
  const answer = await app.send(method, approve, body, sent);
  expect([answer.code, answer.body["kind"]], answer.text).toEqual([200, "Application"]);
  expect(await annotations(app)).toMatchObject({
    "lighthouse.dev/approve": "web-2",
    "lighthouse.dev/approved-by": "eve",
  });
});

test("an approval that was given stays that of who gave it", async () => {
  await using app = await appWith(waiting);
  await bind(app, "eve", "approver");
  await app.send("POST", approve, undefined, { headers: asUser("eve") });
  const again = await app.send("POST", approve, undefined, admin);
  expect(again.code).toBe(200);
  expect(await annotations(app)).toMatchObject({ "lighthouse.dev/approved-by": "eve" });
});

test("a dry run of an approval approves nothing", async () => {
  await using app = await appWith(waiting);
  const { code } = await app.send("POST", `${approve}?dryRun=All`, undefined, admin);
  expect(code).toBe(200);
  expect(await annotations(app)).not.toHaveProperty("lighthouse.dev/approve");
});

const rolling = { phase: "Rolling", revision: "web-2", progress: "2/4" };
const over = { phase: "Completed", revision: "web-2" };

test.each([
  ["there is no rollout", undefined, "it has no rollout yet"],
  ["the rollout goes on", rolling, "the rollout of web-2 is Rolling 2/4"],
  ["it is over", over, "nothing waits for an approval, its last rollout, of web-2, is Completed"],
] as const)("an approval is a conflict when %s", async (_name, rollout, message) => {
  await using app = await appWith(rollout);
  const { code, body } = await app.send("POST", approve, undefined, admin);
  expect([code, body["message"]]).toEqual([409, expect.stringContaining(message)]);
});

test.each([
  [{ revision: "web-1" }, 409, "web-1 does not wait for an approval, web-2 does"],
  [{ force: true }, 400, 'unknown field "force"'],
  [[1], 400, "the body must be an object"],
  [{ revision: 2 }, 422, "must be the name of a Revision"],
])("an approval of %j is refused with %i", async (sent, want, message) => {
  await using app = await appWith(waiting);
  const { code, body } = await app.send("POST", approve, sent, admin);
  expect([code, body["message"]]).toEqual([want, expect.stringContaining(message)]);
});

test("who deploys cannot approve, neither by the endpoint, the annotation nor the spec", async () => {
  await using app = await appWith(waiting);
  await bind(app, "ann", "release-manager");
  const ann = { type: merge, headers: asUser("ann") };
  const refused = await app.send("POST", approve, undefined, { headers: asUser("ann") });
  expect(refused.code).toBe(403);
  const metadata = { annotations: { "lighthouse.dev/approve": "web-2" } };
  const annotated = await app.send("PATCH", web, { metadata }, ann);
  expect([annotated.code, annotated.body["message"]]).toEqual([
    403,
    expect.stringContaining('needs the right to update resource "applications/approve"'),
  ]);
  const canary = { count: 1, approve: "Automatic" };
  const dropped = await app.send("PATCH", web, { spec: { strategy: { canary } } }, ann);
  expect([dropped.code, dropped.body["message"]]).toEqual([
    403,
    expect.stringContaining("taking spec.strategy.canary.approve: Manual back"),
  ]);
  const widened = await app.send(
    "PATCH",
    web,
    { spec: { strategy: { canary: { count: 2 } } } },
    ann,
  );
  expect([widened.code, widened.body["message"]]).toEqual([
    403,
    expect.stringContaining("raising spec.strategy.canary.count of a manual canary"),
  ]);
  const deployed = await app.send("PATCH", web, { spec: { replicas: 3 } }, ann);
  expect(deployed.code).toBe(200);
});

test("who may approve may do so by the annotation, and is put on record", async () => {
  await using app = await appWith(waiting);
  await bind(app, "ann", "release-manager");
  await bind(app, "ann", "approver");
  const claimed = { "lighthouse.dev/approve": "web-2", "lighthouse.dev/approved-by": "bob" };
  const ann = { type: merge, headers: asUser("ann") };
  const patch = { metadata: { annotations: claimed } };
  await expect.poll(async () => (await app.send("PATCH", web, patch, ann)).code).toBe(200);
  expect(await annotations(app)).toMatchObject({ "lighthouse.dev/approved-by": "ann" });
});

test("the server says who changed the template last, and nobody else does", async () => {
  await using app = await appWith(undefined);
  await bind(app, "ann", "release-manager");
  const by = async (): Promise<string | undefined> =>
    (await annotations(app))["lighthouse.dev/changed-by"];
  expect(await by()).toBe("root");
  const ann = { type: merge, headers: asUser("ann") };
  const lie = { "lighthouse.dev/changed-by": "bob" };
  await app.send("PATCH", web, { metadata: { annotations: lie }, spec: { replicas: 3 } }, ann);
  expect(await by()).toBe("root");
  const template = { metadata: { labels: { tier: "front" } } };
  await app.send("PATCH", web, { spec: { template } }, ann);
  expect(await by()).toBe("ann");
});
