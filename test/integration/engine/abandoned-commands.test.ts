import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { endMarked, markedEnv, newMark } from "../../../agent/end-marked.ts";
import { endProcess } from "../../../agent/end-process.ts";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import type { Engine } from "../../../agent/engine/engine.ts";
import { finish } from "../../conformance/engine-kit.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import { makeTestImages, testImages } from "../../kit/images.ts";

let docker: PrivateDockerd;
let engine: Engine;
let id: string;

const processes = async (): Promise<string> =>
  (await finish(await engine.io.exec(id, { command: ["ps"] }))).stdout;

/** Waits for both, in whichever order the engine has started them. */
const running = (one: string, other: string): Promise<unknown> =>
  eventually(`${one} and ${other} run`, async () => {
    const seen = await processes();
    return seen.includes(one) && seen.includes(other);
  });

/** A command that does not care for a hang-up, and has a child. */
const stubborn = (seconds: number): readonly string[] => [
  "sh",
  "-c",
  `trap "" HUP; sleep ${seconds} & echo up; while :; do wait; done`,
];

describe.skipIf(skipWithoutDockerd())("commands whose client is gone", () => {
  beforeAll(async () => {
    docker = await privateDockerd();
    engine = openEngine(docker.url);
    await makeTestImages(engine.images);
    id = await engine.containers.create("host", { Image: testImages.silent });
    await engine.containers.start(id);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await docker[Symbol.asyncDispose]();
  });

  test("are ended by their process id where it is at hand", async () => {
    const session = await engine.io.exec(id, { command: stubborn(4713) });
    const other = await engine.io.exec(id, { command: ["sleep", "4714"] });
    await running("sleep 4713", "sleep 4714");
    await endProcess(id, (await session.hostPid()) ?? 0);
    await eventually("one is gone", async () => !(await processes()).includes("4713"));
    expect(await processes()).toContain("sleep 4714");
    await endProcess("another container", (await other.hostPid()) ?? 0);
    expect(await processes()).toContain("sleep 4714");
    await endProcess(id, (await other.hostPid()) ?? 0);
  });

  test("are ended by their mark elsewhere", async () => {
    const mark = newMark();
    await engine.io.exec(id, { command: stubborn(4715), env: markedEnv(mark) });
    const other = { command: ["sleep", "4716"], env: markedEnv(newMark()) };
    await engine.io.exec(id, other);
    await running("sleep 4715", "sleep 4716");
    await endMarked(engine, id, mark);
    const left = await processes();
    expect(left).not.toContain("4715");
    expect(left).toContain("sleep 4716");
  });
});
