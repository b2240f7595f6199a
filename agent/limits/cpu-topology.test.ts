import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { plainCpus } from "./cpu-plan.ts";
import { readTopology } from "./cpu-topology.ts";

async function sysfs(cpus: readonly (readonly [string, string])[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "lh-topology-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await writeFile(join(root, "online"), `0-${cpus.length - 1}\n`);
  for (const [id, [socket, core]] of cpus.entries()) {
    const dir = join(root, `cpu${id}`, "topology");
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, "physical_package_id"), `${socket}\n`);
    await writeFile(join(dir, "core_id"), `${core}\n`);
  }
  return root;
}

test("readTopology() tells threads of one core from those of others", async () => {
  const root = await sysfs([
    ["0", "0"],
    ["1", "0"],
    ["0", "0"],
    ["1", "0"],
  ]);
  expect((await readTopology(4, root)).map(({ core }) => core)).toEqual([
    "0/0",
    "1/0",
    "0/0",
    "1/0",
  ]);
});

test("readTopology() takes every CPU for a core where the kernel does not tell", async () => {
  const root = await sysfs([["0", "0"]]);
  expect(await readTopology(3, root)).toEqual(plainCpus(3));
  expect(await readTopology(2, join(root, "absent"))).toEqual(plainCpus(2));
});

test("readTopology() reads this machine", async () => {
  expect((await readTopology(1)).length).toBe(1);
});
