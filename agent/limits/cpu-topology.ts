import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseCpus } from "./cpu-list.ts";
import { type Cpu, plainCpus } from "./cpu-plan.ts";

const text = async (path: string): Promise<string> => (await readFile(path, "utf8")).trim();

async function readCpu(root: string, id: number): Promise<Cpu> {
  const topology = join(root, `cpu${id}`, "topology");
  const socket = await text(join(topology, "physical_package_id"));
  return { id, core: `${socket}/${await text(join(topology, "core_id"))}`, socket };
}

/**
 * The processors of this machine as the kernel tells them; plain ones when it does not, or when the
 * engine counts others than we see. `root` is where sysfs keeps them.
 */
export async function readTopology(
  count: number,
  root = "/sys/devices/system/cpu",
): Promise<readonly Cpu[]> {
  try {
    const online = parseCpus(await text(join(root, "online"))) ?? [];
    if (online.length !== count) return plainCpus(count);
    return await Promise.all(online.map((id) => readCpu(root, id)));
  } catch {
    return plainCpus(count); // a kernel without topology, or another operating system
  }
}
