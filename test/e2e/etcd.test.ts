import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { type EtcdServer, startEtcd } from "../kit/etcd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { missingProgram, skipReason } from "../kit/missing.ts";
import { lifecycleTests } from "./lifecycle.ts";
import { manifest, openSite, type Site } from "./site.ts";

const skipped = skipReason("lighthouse up on etcd", missingProgram("etcd")) || skipWithoutDockerd();

describe.skipIf(skipped)("lighthouse up on etcd", () => {
  let etcd: EtcdServer;
  let site: Site;
  beforeAll(async () => {
    etcd = await startEtcd();
    site = await openSite({ store: `etcd://${etcd.host}` });
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
  });
  lifecycleTests(() => site);

  test("an etcd that stops for a while costs nothing but the wait", async () => {
    const cli = (args: readonly string[], stdin = "") =>
      site.lighthouse.cli(args, { stdin, timeoutMs: 60_000 });
    const apply = ["apply", "-f", "-", "--wait"];
    expect(await cli(apply, manifest("steady", testImages.web))).toMatchObject({ code: 0 });
    const running = async () =>
      (await site.engine.containers.list({ "lighthouse.dev/application": "steady" }))
        .filter(({ phase }) => phase === "running")
        .map(({ id }) => id)
        .toSorted();
    const before = await running();
    await etcd.stop();
    const refused = await cli(["apply", "-f", "-"], manifest("steady", testImages.web2));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("etcd");
    expect(await running()).toEqual(before);
    await etcd.start();
    await eventually(
      "writes go through again",
      async () => (await cli(apply, manifest("steady", testImages.web2))).code === 0,
      { timeoutMs: 60_000, intervalMs: 1_000 },
    );
    expect(await running()).toHaveLength(3);
  });
});
