import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import { networkInterfaces } from "node:os";
import { Readable } from "node:stream";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readTar } from "../../agent/files/read-tar.ts";
import { tar } from "../../agent/engine/tar.ts";
import { layoutOf } from "../../hack/docker/layout.ts";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { testImages } from "../kit/images.ts";
import { anyKubectl } from "../kit/kubectl.ts";
import { type StreamingKubectl, streamingKubectl } from "../kit/streaming-kubectl.ts";
import { must, openSite, type Site } from "./site.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** An address of this machine that is neither loopback nor link-local: agents may fetch from it. */
function bridgeAddress({ docker }: Site): string {
  const { bridge } = layoutOf(docker.dir);
  const found = networkInterfaces()[bridge]?.find(({ family }) => family === "IPv4");
  if (found === undefined) throw new Error(`Cannot find the address of ${bridge}`);
  return found.address;
}

const set = gzipSync(
  tar([{ type: "file", path: "set/a.csv", content: Buffer.from("1,2\n3,4\n") }]),
);
const evil = tar([{ type: "file", path: "../../etc/evil", content: Buffer.from("x") }]);

/** Longer than the 4 KB that scripts were once limited to: everything a ConfigMap can hold. */
const script = `#!/bin/sh\n: ${"x".repeat(1_000_000)}\nwc -l < /input/set/a.csv\nsleep 600\n`;

function pod(name: string, annotations: object): object {
  const volumeMounts = [
    { name: "in", mountPath: "/input" },
    { name: "script", mountPath: "/script", readOnly: true },
  ];
  const container = { name: "app", image: testImages.web, command: ["/script/run"], volumeMounts };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, annotations },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ ...container, imagePullPolicy: "IfNotPresent" }],
      volumes: [
        { name: "in", emptyDir: {} },
        { name: "script", configMap: { name: "job", defaultMode: 0o555 } },
      ],
    },
  };
}

describe.skipIf(skipWithoutDockerd())("files in containers", () => {
  let site: Site;
  let server: Server;
  let base: string;
  let kubectl: StreamingKubectl;

  beforeAll(async () => {
    site = await openSite();
    const address = bridgeAddress(site);
    server = createServer(({ url }, response) => response.end(url === "/set.tgz" ? set : evil));
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    const bound = server.address();
    base = `http://${address}:${typeof bound === "object" && bound !== null ? bound.port : 0}`;
    const program = anyKubectl();
    if (program === undefined) throw new Error("Cannot find any kubectl");
    kubectl = streamingKubectl(program, site.lighthouse.kubeconfig);
    const config = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "job" },
      data: { run: script },
    };
    const url = `${base}/set.tgz#sha256=${sha256(set)}`;
    const items = [config, pod("job", { "data.lighthouse.dev/in": url })];
    const stdin = JSON.stringify({ apiVersion: "v1", kind: "List", items });
    await must(site.lighthouse.kubectl(["create", "-f", "-"], { stdin }));
    await must(
      site.lighthouse.kubectl(["wait", "--for=condition=Ready", "pod/job", "--timeout=30s"]),
    );
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await site[Symbol.asyncDispose]();
  });

  const raw = (question: string): ReturnType<StreamingKubectl["pipe"]> =>
    kubectl.pipe(["get", "--raw", `/api/v1/namespaces/default/pods/job/${question}`]);

  async function read(question: string): Promise<Buffer> {
    const { code, stdout, stderr } = await raw(question);
    expect([question, code, stderr]).toEqual([question, 0, ""]);
    return stdout;
  }

  test("a script of a ConfigMap runs over data that was fetched and checked", async () => {
    expect((await kubectl.pipe(["logs", "job"])).stdout.toString()).toBe("2\n");
    expect((await read("files?path=/input/set/a.csv")).toString()).toBe("1,2\n3,4\n");
  });

  test("changes are listed, files come byte by byte, and all of them as an archive", async () => {
    const bytes = randomBytes(300_000);
    const write = ["exec", "-i", "job", "--", "sh", "-c", "cat > /tmp/made; rm /bin/vi"];
    expect((await kubectl.pipe(write, bytes)).code).toBe(0);
    const { items } = JSON.parse((await read("changes")).toString());
    expect(items).toContainEqual({ path: "/tmp/made", change: "Added" });
    expect(items).toContainEqual({ path: "/bin/vi", change: "Deleted" });
    expect(sha256(await read("files?path=/tmp/made"))).toBe(sha256(bytes));
    const rows = JSON.parse((await read("files?path=/tmp")).toString());
    expect(rows.items).toMatchObject([{ name: "made", type: "file", size: bytes.length }]);
    const archive: Record<string, number> = {};
    for await (const { header, content } of readTar(Readable.from([await read("archive")]))) {
      archive[header.name] = header.size;
      content.resume();
    }
    expect(archive).toMatchObject({ "tmp/made": bytes.length, "bin/.wh.vi": 0 });
  });

  test("wrong paths are refused by name", async () => {
    const climbing = await raw("files?path=/tmp/../etc/passwd");
    expect([climbing.code, climbing.stderr]).toEqual([
      1,
      expect.stringContaining('must not contain ".."'),
    ]);
    expect((await raw("files?path=/absent")).stderr).toContain('files "/absent" not found');
  });

  test("data that leads out of its volume starts nothing, and says why", async () => {
    const annotations = {
      "data.lighthouse.dev/in": `${base}/evil.tar#sha256=${sha256(evil)}`,
    };
    const stdin = JSON.stringify(pod("evil", annotations));
    await must(site.lighthouse.kubectl(["create", "-f", "-"], { stdin }));
    const message = "jsonpath={.status.containerStatuses[0].state.waiting.message}";
    await must(
      site.lighthouse.kubectl([
        "wait",
        "pod/evil",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=CreateContainerError",
        "--timeout=20s",
      ]),
    );
    const told = await site.lighthouse.kubectl(["get", "pod", "evil", "-o", message]);
    expect(told.stdout).toContain('its entry "../../etc/evil" leads out of its directory');
    expect(await site.engine.containers.list({ "lighthouse.dev/pod-name": "evil" })).toEqual([]);
  });
});
