import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { beforeAll, afterAll, expect, onTestFinished, test } from "vitest";
import { type ConnectMode, nothingListens, relayScript, toolsCommand } from "./connect-scripts.ts";

const busybox = "/bin/busybox";
const noBusybox = !existsSync(busybox) && process.env["CI"] !== "true";
if (noBusybox) console.warn(`Skipping the scripts of relays: ${busybox} is not there`);

let port = 0;
let dir = "";
const server = createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => undefined);
  // Answers when it has heard all, as half a close demands.
  void text(socket).then((heard) => socket.end(`heard ${heard}`));
});
/** Answers at once and hangs up, as a server that does not wait for the end. */
const hasty = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", (heard: Buffer) => socket.end(`heard ${heard.toString()}`));
});
let hastyPort = 0;

beforeAll(async () => {
  for (const one of [server, hasty]) {
    one.listen(0, "127.0.0.1");
    await once(one, "listening");
  }
  port = (server.address() as AddressInfo).port;
  hastyPort = (hasty.address() as AddressInfo).port;
  dir = await mkdtemp(join(tmpdir(), "lh-tools-"));
});
afterAll(async () => {
  server.close();
  hasty.close();
  await rm(dir, { recursive: true, force: true });
});

/** A PATH with these programs alone, given by what they are links to. */
async function pathWith(programs: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(dir, "bin-"));
  for (const [name, target] of Object.entries(programs)) await symlink(target, join(bin, name));
  return bin;
}

async function run(argv: readonly string[], PATH: string, input = "") {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { env: { PATH } });
  onTestFinished(() => void child.kill());
  child.stdin.on("error", () => undefined); // it ended before it read
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number]>,
  ]);
  return { stdout, stderr, code };
}

const applets = { sh: busybox, nc: busybox, grep: busybox, true: busybox };
const relay = (mode: ConnectMode, to = port) =>
  [busybox, "sh", "-c", relayScript, "relay", mode, "127.0.0.1", `${to}`] as const;

test.skipIf(noBusybox)("a relay connects, and passes half a close on", async () => {
  const want = { stdout: "heard hello", stderr: "+\n", code: 0 };
  expect(await run(relay("open"), await pathWith(applets), "hello")).toEqual(want);
});

test.skipIf(noBusybox)("a relay looks without a word, and says when nobody listens", async () => {
  const path = await pathWith(applets);
  expect(await run(relay("touch"), path)).toEqual({ stdout: "", stderr: "+\n", code: 0 });
  const refused = { stdout: "", stderr: `${nothingListens}\n`, code: 1 };
  expect(await run(relay("touch", 1), path)).toEqual(refused);
  expect(await run(relay("open", 1), path)).toEqual(refused);
});

test.skipIf(noBusybox).each([
  ["nc", { sh: "/bin/sh", nc: busybox, grep: busybox }],
  ["busybox alone", { sh: "/bin/sh", busybox }],
  ["bash", { sh: "/bin/sh", bash: "/bin/bash", cat: "/bin/cat", grep: "/bin/grep" }],
])("the tools of an image with %s connect", async (_name, programs) => {
  const path = await pathWith(programs);
  const [, ...rest] = toolsCommand("open", { host: "127.0.0.1", port: hastyPort });
  const found = await run([join(path, "sh"), ...rest], path, "hello");
  expect(found).toMatchObject({ stdout: "heard hello", stderr: "+\n" });
});

test.skipIf(noBusybox)(
  "an image without tools says so, and one with grep knows who listens",
  async () => {
    const bare = await pathWith({ sh: "/bin/sh" });
    const to = { host: "127.0.0.1", port };
    const [, ...rest] = toolsCommand("open", to);
    expect(await run([join(bare, "sh"), ...rest], bare)).toMatchObject({
      stderr: "the image has neither nc nor bash\n",
      code: 127,
    });
    const path = await pathWith({ sh: busybox, nc: busybox, grep: busybox });
    const [, ...nobody] = toolsCommand("touch", { ...to, port: 1 });
    expect(await run([join(path, "sh"), ...nobody], path)).toMatchObject({
      stderr: `${nothingListens}\n`,
      code: 1,
    });
  },
);
