import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defaultLimits, download, type DownloadLimits } from "./download.ts";

let folder: string;
let server: Server | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lh-download-"));
});
afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

const text = "the data\n";
const sha256 = createHash("sha256").update(text).digest("hex");
const signal = AbortSignal.timeout(10_000);
const anywhere: DownloadLimits = { ...defaultLimits, isAllowed: () => true };

async function serve(answer: RequestListener): Promise<string> {
  server = createServer(answer);
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  return `http://127.0.0.1:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
}

async function fetched(url: string, limits: Partial<DownloadLimits> = {}, sum = sha256) {
  const file = join(folder, "file");
  await download({ volume: "in", url, sha256: sum }, file, { ...anywhere, ...limits }, signal);
  return readFile(file, "utf8");
}

test("download() follows a redirect and checks what came", async () => {
  const base = await serve(({ url }, response) => {
    if (url === "/first") response.writeHead(302, { location: "/second" }).end();
    else response.end(text);
  });
  expect(await fetched(`${base}/first`)).toBe(text);
});

test("download() refuses content with another checksum", async () => {
  const base = await serve((_request, response) => response.end("something else"));
  await expect(fetched(`${base}/a`)).rejects.toThrow(
    /^Cannot fetch http:\/\/127\.0\.0\.1:\d+\/a: its SHA-256 is [0-9a-f]{64}, expected/,
  );
});

test.each<[string, RequestListener, string, Partial<DownloadLimits>]>([
  ["an error", (_, response) => response.writeHead(503).end(), "the server answered 503", {}],
  ["too much", (_, response) => response.end(text), "more than 4 bytes came", { maxBytes: 4 }],
  [
    "redirects without end",
    (_, response) => response.writeHead(302, { location: "/again" }).end(),
    "the server sends on more than 5 times",
    {},
  ],
  [
    "a file of the agent",
    (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    "the server sends on to file://",
    {},
  ],
  [
    "silence",
    (_, response) => {
      response.flushHeaders();
    },
    "nothing came for 50 ms",
    { idleMs: 50 },
  ],
  [
    "a cut body",
    ({ socket }, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => socket.destroy());
    },
    "aborted",
    {},
  ],
])("download() fails on %s", async (_what, answer, why, limits) => {
  const base = await serve(answer);
  await expect(fetched(`${base}/a`, limits)).rejects.toThrow(why);
});

test.each([
  "http://127.0.0.1:9/a",
  "http://localhost:9/a",
  "http://[::1]:9/a",
  "http://2130706433/a",
])("download() keeps away from %s", async (url) => {
  await expect(fetched(url, { isAllowed: defaultLimits.isAllowed })).rejects.toThrow(
    "its address is the agent's own machine or link",
  );
});

test("download() checks the address behind a redirect, too", async () => {
  const base = await serve((_, response) =>
    response.writeHead(302, { location: "http://169.254.169.254/latest" }).end(),
  );
  const onlyLoopback = (address: string): boolean => address === "127.0.0.1";
  await expect(fetched(`${base}/a`, { isAllowed: onlyLoopback })).rejects.toThrow(
    "Cannot fetch from 169.254.169.254",
  );
});
