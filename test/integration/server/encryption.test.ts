import { copyFile, mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../kit/eventually.ts";
import { type Lighthouse, startLighthouse } from "../../kit/lighthouse.ts";
import type { Ran } from "../../kit/run.ts";

const canary = "canary-9fK2vq";
const keysFile = "encryption-keys.yaml";

let dataDir = "";
let running: Lighthouse | undefined;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "lighthouse-encrypted-"));
});
afterEach(async () => {
  await running?.stop("SIGKILL");
  await rm(dataDir, { recursive: true, force: true });
});

async function start(
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Lighthouse> {
  running = await startLighthouse({ command: "server", dataDir, docker: [], args, env });
  return running;
}

/** Runs a server that must not come up; resolves to what it printed. */
async function refused(): Promise<string> {
  const output = await start().then(
    () => "it came up",
    (err: Error) => err.message,
  );
  expect(output).not.toContain("it came up");
  return output;
}

async function must(running: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`It ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

type Status = {
  readonly keys: readonly {
    readonly id: string;
    readonly writes: boolean;
    readonly values: number;
  }[];
  readonly plain: number;
  readonly unreadable: readonly string[];
};

const statusOf = async (server: Lighthouse): Promise<Status> =>
  JSON.parse((await server.cli(["encryption", "status", "-o", "json"])).stdout) as Status;

function secrets(count: number): string {
  const items = Array.from({ length: count }, (_, i) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `db-${i}`, namespace: "default" },
    stringData: { password: `${canary}-${i}` },
  }));
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

const valueOf = async (server: Lighthouse, name: string): Promise<string> => {
  const text = await must(server.cli(["get", "secret", name, "-o", "json"]));
  const { data } = JSON.parse(text) as { readonly data: { readonly password: string } };
  return Buffer.from(data.password, "base64").toString();
};

/** How often the canary, plain or in base64 at any offset, stands in the files of the store. */
async function canariesOnDisk(): Promise<number> {
  const needles = [
    canary,
    ...[0, 1, 2].map((by) =>
      Buffer.from(`${"x".repeat(by)}${canary}`)
        .toString("base64")
        .slice(by === 0 ? 0 : 4, -4),
    ),
  ];
  let count = 0;
  for (const file of await readdir(join(dataDir, "store"))) {
    const bytes = await readFile(join(dataDir, "store", file));
    for (const needle of needles) {
      for (let at = bytes.indexOf(needle); at >= 0; at = bytes.indexOf(needle, at + 1)) count += 1;
    }
  }
  return count;
}

test("no Secret is on disk in clear, and without its key nothing is served or overwritten", async () => {
  const server = await start();
  await must(server.cli(["apply", "-f", "-"], { stdin: secrets(3) }));
  expect(await valueOf(server, "db-2")).toBe(`${canary}-2`);
  await server.stop();
  expect(await canariesOnDisk()).toBe(0);

  const keys = join(dataDir, keysFile);
  await rename(keys, `${keys}.lost`);
  expect(await refused()).toMatch(
    /encrypted with [0-9a-f]{16}, and .*encryption-keys.yaml is not there/,
  );
  expect(await readdir(dataDir)).not.toContain(keysFile);
  await rename(`${keys}.lost`, keys);
  expect(await valueOf(await start(), "db-1")).toBe(`${canary}-1`);
});

test("a rotation that is killed goes on at the next start; then the old key is removed", async () => {
  const server = await start();
  await must(server.cli(["apply", "-f", "-"], { stdin: secrets(40) }));
  const [old] = (await statusOf(server)).keys;
  await copyFile(join(dataDir, keysFile), join(dataDir, "old-keys.yaml"));
  const rotating = server.cli(["encryption", "rotate"]);
  await eventually(
    "the new key is in its file",
    async () =>
      ((await readFile(join(dataDir, keysFile), "utf8")).match(/secret:/g) ?? []).length === 2,
    { intervalMs: 1 },
  );
  await server.stop("SIGKILL");
  await rotating;

  const again = await start();
  const status = await eventually(
    "everything has the new key",
    async () => {
      const now = await statusOf(again);
      // Beside the Secrets there is what the server itself has to hide.
      const done = now.keys.every(({ id, values }) =>
        id === old?.id ? values === 0 : values >= 40,
      );
      return done && now.keys.length === 2 ? now : undefined;
    },
    { timeoutMs: 60_000 },
  );
  expect(status).toMatchObject({ plain: 0, unreadable: [] });
  await must(again.cli(["encryption", "prune"]));
  expect((await statusOf(again)).keys).toHaveLength(1);
  expect(await valueOf(again, "db-39")).toBe(`${canary}-39`);
  await again.stop();
  await copyFile(join(dataDir, "old-keys.yaml"), join(dataDir, keysFile));
  expect(await refused()).toContain("add the missing key");
});
