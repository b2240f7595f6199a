import { expect, test } from "vitest";
import { applications, events, pods } from "../../../api/machinery/resources.ts";
import { annotation } from "../../../crds/labels.ts";
import type { Application } from "../../../crds/types.gen.ts";
import { type ControllerRig, startControllerRig } from "../../../test/kit/controller-rig.ts";
import { draftApplication, setImage } from "../../../test/kit/obedient-agents.ts";

async function add({ api }: ControllerRig, name: string, order: string): Promise<void> {
  const group = { [annotation.rolloutGroup]: "release", [annotation.rolloutOrder]: order };
  await api.create(applications, draftApplication(name, `${name}:1`, group));
}

const conditions = (status: Application["status"]): readonly string[] =>
  (status?.conditions ?? []).map(({ type, status: is, reason }) => `${type}=${is} ${reason}`);

test("Applications with the same annotation go together, in order, also over a change of the controller", async () => {
  const it = await startControllerRig();
  await add(it, "db", "0");
  await add(it, "web", "10");
  await it.play(70);
  expect(await it.read("db")).toMatchObject({ currentRevision: "db-1" });
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-1" });
  await setImage(it.api, "db", "db:2");
  await setImage(it.api, "web", "web:2");
  await it.play(8);
  const waiting = await it.read("web");
  expect(conditions(waiting)).toContain("Progressing=True WaitingForGroup");
  expect(waiting?.rollout?.waits).toContainEqual(
    expect.objectContaining({ owner: "application/db", reason: "WaitingForGroup" }),
  );
  for (let round = 0; round < 12; round += 1) {
    await it.kill();
    await it.start();
    await it.play(7);
  }
  const stages = [(await it.read("db"))?.rollout?.group, (await it.read("web"))?.rollout?.group];
  expect(stages).toMatchObject([{ stage: "Done" }, { stage: "Done" }]);
  expect(await it.read("db")).toMatchObject({ currentRevision: "db-2" });
  expect(await it.read("web")).toMatchObject({ currentRevision: "web-2" });
});

test("one that fails takes the others back with it, and each says whose fault it was", async () => {
  const it = await startControllerRig();
  await add(it, "db", "0");
  await add(it, "web", "10");
  await it.play(70);
  await setImage(it.api, "db", "db:2");
  await setImage(it.api, "web", "web:bad");
  await it.play(90, "bad");
  const db = await it.read("db");
  expect(db).toMatchObject({
    currentRevision: "db-1",
    failedRevision: { name: "db-2", reason: "GroupFailed" },
    rollout: { phase: "RolledBack" },
  });
  expect(conditions(db)).toContain("RolledBack=True RolledBack");
  expect(db?.failedRevision?.message).toContain("application/web of the group release failed");
  expect(await it.read("web")).toMatchObject({
    currentRevision: "web-1",
    rollout: { phase: "RolledBack" },
  });
  expect(it.api.all(pods).map(({ metadata }) => metadata.name)).toEqual([
    "db-1-0",
    "db-1-1",
    "web-1-0",
    "web-1-1",
  ]);
  expect(it.api.all(events)).toContainEqual(
    expect.objectContaining({
      type: "Warning",
      reason: "GroupFailed",
      involvedObject: expect.objectContaining({ name: "db" }) as object,
    }),
  );
});

test("groups of the same name in two namespaces have nothing to do with each other", async () => {
  const it = await startControllerRig();
  await add(it, "db", "0");
  const other = draftApplication("web", "web:bad", { [annotation.rolloutGroup]: "release" });
  const metadata = { ...other.metadata, namespace: "lab" };
  await it.api.create(applications, { ...other, metadata });
  await it.play(70, "bad");
  expect(await it.read("db")).toMatchObject({ currentRevision: "db-1" });
});
