import { cp, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { anyKubectl } from "../kit/kubectl.ts";
import { mustRun, run, type RunOptions } from "../kit/run.ts";

const root = join(import.meta.dirname, "..", "..");

/** The lines of the README's tour, one shell command each. */
async function tourLines(): Promise<readonly string[]> {
  const text = await readFile(join(root, "README.md"), "utf8");
  const tour = /<!-- tour: [\s\S]*?-->([\s\S]*?)<!-- end of tour -->/.exec(text)?.[1] ?? "";
  const blocks = [...tour.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = ""]) => block);
  return blocks.flatMap((block) => block.split("\n").filter((line) => line !== ""));
}

/** A copy of the checkout as git would deliver it, with the dependencies of this one. */
async function copyCheckout(to: string): Promise<void> {
  const listed = ["ls-files", "--cached", "--others", "--exclude-standard"];
  const files = await mustRun(["git", "-C", root, ...listed]);
  for (const file of new Set(files.split("\n").filter((line) => line !== ""))) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await cp(join(root, file), join(to, file)).catch((err: NodeJS.ErrnoException) => {
      if (err.code !== "ENOENT") throw err; // deleted and not yet committed
    });
  }
  // A link saves the install, but only to dependencies that hack/up will not want to change.
  const lock = await readFile(join(root, "package-lock.json"), "utf8");
  const installed = await readFile(join(root, "node_modules", ".lighthouse-lock"), "utf8").catch(
    () => "",
  );
  if (installed === lock) await symlink(join(root, "node_modules"), join(to, "node_modules"));
}

describe.skipIf(skipWithoutDockerd())("the README on a machine without Docker", () => {
  let checkout: string;
  let options: RunOptions;
  beforeAll(async () => {
    checkout = await mkdtemp(join(tmpdir(), "lh-tour-"));
    await copyCheckout(checkout);
    const bin = join(checkout, ".bin");
    await mkdir(bin);
    await symlink(anyKubectl()?.path ?? "kubectl", join(bin, "kubectl"));
    options = {
      cwd: checkout,
      timeoutMs: 170_000,
      env: {
        PATH: `${bin}:${process.env["PATH"] ?? ""}`,
        HOME: checkout,
        DOCKER_HOST: `unix://${checkout}/none.sock`,
      },
    };
  });
  afterAll(async () => {
    await run(["hack/down", "--delete"], options);
    await rm(checkout, { recursive: true, force: true });
  });

  test("hack/up --yes ends with a Ready Application on a real engine", async () => {
    const { code, stdout, stderr } = await run(["hack/up", "--yes"], options);
    expect(`${stdout}${stderr}`).toContain("Using a private Docker");
    expect(stdout).toMatch(/application\/web: Ready, Completed, 3\/3 ready/);
    expect(stdout).toContain("Try next:");
    expect(code).toBe(0);
  });

  test("every line of the five-minute tour works as pasted", async () => {
    const lines = await tourLines();
    expect(lines.length).toBeGreaterThan(10);
    const script = ["set -eo pipefail", ...lines].join("\n");
    const { code, stdout, stderr } = await run(["bash", "-c", script], options);
    expect(stderr).not.toContain("Unknown");
    expect(`${code} ${stdout}${code === 0 ? "" : stderr}`).toMatch(/^0 /);
    expect(stdout).toContain("rolled back, as it should be");
    expect(stdout).toContain('application.lighthouse.dev "web" deleted');
  });

  test("hack/up runs again on its data, and hack/down stops all of it", async () => {
    expect(await run(["hack/down"], options)).toMatchObject({ code: 0 });
    const again = await run(["hack/up", "--yes"], options);
    expect(again).toMatchObject({ code: 0 });
    const down = await run(["hack/down", "--delete"], options);
    expect(down.stdout).toContain("Lighthouse stopped");
    expect((await run(["bash", "-c", `pgrep -f ${checkout}/.lighthouse`], options)).stdout).toBe(
      "",
    );
  });
});
