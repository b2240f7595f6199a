import { expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";
import { annotation } from "../../../crds/labels.ts";
import { objectIn, textIn } from "../kinds/fill.ts";
import { holdObject } from "./hold.ts";

test("Nodes that register while the hold is on are held, and no longer once it is off", async () => {
  await using server = await openTestApp();
  const configMaps = "/api/v1/namespaces/lighthouse-system/configmaps";
  const join = async (name: string): Promise<string> => {
    const made = await server.send("POST", "/api/v1/nodes", { metadata: { name } });
    expect(made.code).toBe(201);
    const { annotations } = objectIn(made.body, "metadata") ?? {};
    return textIn(annotations as Record<string, unknown>, annotation.holdUnknown);
  };
  expect(await join("before")).toBe("");
  const created = "2026-11-20T03:00:00Z";
  const { object } = holdObject({ created }, Date.parse("2026-11-21T20:00:00Z"));
  const { name } = object.metadata;
  const hold = { metadata: { name }, data: object.data };
  expect((await server.send("POST", configMaps, hold)).code).toBe(201);
  expect(await join("during")).toBe("2026-11-21T20:00:00Z");
  expect((await server.send("DELETE", `${configMaps}/${name}`)).code).toBe(200);
  expect(await join("after")).toBe("");
});
