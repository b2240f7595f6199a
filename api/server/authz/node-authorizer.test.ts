import { expect, test } from "vitest";
import { asUser, openTestApp } from "../../../test/kit/app.ts";
import { admin, agentOf, beaconLabel, nodeOf } from "../../../test/kit/two-beacons.ts";
import { memoryStore } from "../../store/memory.ts";

const merge = { type: "application/merge-patch+json" };

test("what one server has just stored counts on every server of the store", async () => {
  await using store = memoryStore();
  await using first = await openTestApp({ guarded: true, store });
  await using second = await openTestApp({ guarded: true, store });
  const paris = agentOf("paris");
  const status = { status: { capacity: { cpu: "2" } } };
  for (let index = 0; index < 20; index += 1) {
    const name = `host-${index}`;
    await first.send("POST", "/api/v1/nodes", nodeOf(name, "paris"), { headers: paris });
    const url = `/api/v1/nodes/${name}/status`;
    const { code } = await second.send("PATCH", url, status, { headers: paris, ...merge });
    expect([name, code]).toEqual([name, 200]);
  }
});

test("a Node that changes hands is lost on every server", async () => {
  await using store = memoryStore();
  await using first = await openTestApp({ guarded: true, store });
  await using second = await openTestApp({ guarded: true, store });
  const paris = agentOf("paris");
  await first.send("POST", "/api/v1/nodes", nodeOf("host", "paris"), { headers: paris });
  const body = { metadata: { labels: { [beaconLabel]: "berlin" } } };
  await first.send("PATCH", "/api/v1/nodes/host", body, { headers: admin, ...merge });
  const get = async (): Promise<number> =>
    (await second.send("GET", "/api/v1/nodes/host", undefined, { headers: paris })).code;
  await expect.poll(get).toBe(403);
});

test("an access review knows what belongs to a beacon", async () => {
  await using server = await openTestApp({ guarded: true });
  await server.send("POST", "/api/v1/nodes", nodeOf("host", "paris"), {
    headers: agentOf("paris"),
  });
  const ask = async (beacon: string): Promise<unknown> => {
    const spec = {
      user: `system:beacon:${beacon}`,
      groups: ["system:beacons"],
      resourceAttributes: { verb: "patch", resource: "nodes", subresource: "status", name: "host" },
    };
    const url = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    return (await server.send("POST", url, { spec }, { headers: admin })).body["status"];
  };
  expect(await ask("paris")).toMatchObject({ allowed: true });
  expect(await ask("berlin")).toEqual({
    allowed: false,
    reason: 'no relationship found between beacon "berlin" and this object',
  });
});

test("who is no agent has no more rights than by RBAC", async () => {
  await using server = await openTestApp({ guarded: true });
  const likeAnAgent = { headers: asUser("system:beacon:paris") };
  const { code } = await server.send("POST", "/api/v1/nodes", nodeOf("host", "paris"), likeAnAgent);
  expect(code).toBe(403);
});
