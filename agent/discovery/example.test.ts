import { mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { badRequest, unavailable } from "../../api/machinery/errors.ts";
import { providerConformance } from "../../test/conformance/provider.ts";
import { parseEndpoint } from "../engine/endpoint.ts";
import type { DockerHost, Provider } from "./provider.ts";

// The example of docs/discovery.md, which says what each part is for: keep the two alike.

/** Finds hosts by files `NAME.url` in a folder, each with a Docker URL: a driver in thirty lines. */
function folderProvider(folder: string): Provider {
  const name = "folder";
  const urlFiles = async (): Promise<readonly string[]> => {
    try {
      return (await readdir(folder)).filter((file) => file.endsWith(".url"));
    } catch (cause) {
      throw unavailable(`Cannot list ${folder}: it cannot be read`, { cause });
    }
  };
  const toHost = (file: string): DockerHost => {
    const url = decodeURIComponent(basename(file, ".url"));
    try {
      parseEndpoint(url);
    } catch (cause) {
      throw badRequest(`Cannot use ${join(folder, file)}: it names no Docker URL`, { cause });
    }
    return { url, provider: name, labels: {} };
  };
  return {
    name,
    isHere: () =>
      urlFiles().then(
        (files) => files.length > 0,
        () => false,
      ),
    async find(signal) {
      const files = await urlFiles();
      signal.throwIfAborted();
      return files.map(toHost);
    },
  };
}

const url = (number: number): string => `tcp://10.0.0.${number}:2375`;

providerConformance("folder", { faults: ["refuse", "garbage"], twice: "once" }, async () => {
  const root = await mkdtemp(join(tmpdir(), "folder-"));
  const [folder, aside] = [join(root, "hosts"), join(root, "aside")];
  const fill = async (names: readonly string[]): Promise<void> => {
    await rm(aside, { recursive: true, force: true });
    await rm(folder, { recursive: true, force: true });
    const made = await mkdtemp(join(root, "new-"));
    for (const name of names) await writeFile(join(made, `${encodeURIComponent(name)}.url`), "");
    await rename(made, folder);
  };
  let held: readonly string[] = [];
  await fill(held);
  return {
    provider: folderProvider(folder),
    hold: (numbers) => fill((held = numbers.map(url))),
    url,
    break: (fault) => (fault === "refuse" ? rename(folder, aside) : fill(["gopher://x"])),
    mend: () => fill(held),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
});
