import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import {
  Attach,
  Cp,
  Exec,
  KubeConfig,
  Log,
  PortForward,
  type V1Status,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { must, openSite, type Site } from "./site.ts";

let site: Site;
let config: KubeConfig;
const namespace = "default";

const pod = (name: string, container: object): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        { name: "app", image: testImages.web, imagePullPolicy: "IfNotPresent", ...container },
      ],
    },
  });

/** Collects what is written to it. */
function collector(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return Object.assign(sink, { text: () => Buffer.concat(chunks).toString() });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" ? (address?.port ?? 0) : 0);
    });
  });
}

/** The reference client of our language, over the v5 protocol of WebSockets. */
describe.skipIf(skipWithoutDockerd())("streams of client-node", () => {
  beforeAll(async () => {
    site = await openSite();
    config = new KubeConfig();
    config.loadFromFile(site.lighthouse.kubeconfig);
    const { kubectl } = site.lighthouse;
    const talker = { command: ["cat"], stdin: true, stdinOnce: true };
    for (const body of [pod("web", {}), pod("talker", talker)]) {
      await must(kubectl(["apply", "-f", "-"], { stdin: body }));
    }
    const args = ["wait", "--for=condition=Ready", "pod/web", "pod/talker", "--timeout=30s"];
    await must(kubectl(args));
  });
  afterAll(() => site[Symbol.asyncDispose]());

  async function exec(
    command: string[],
    stdin: PassThrough | null = null,
  ): Promise<{ stdout: string; stderr: string; status: V1Status }> {
    const [stdout, stderr] = [collector(), collector()];
    const status = await new Promise<V1Status>((resolve, reject) => {
      new Exec(config)
        .exec(namespace, "web", "app", command, stdout, stderr, stdin, false, resolve)
        .catch(reject);
    });
    return { stdout: stdout.text(), stderr: stderr.text(), status };
  }

  test("exec gives streams and status", async () => {
    const script = "echo out; echo err >&2; exit 5";
    const { stdout, stderr, status } = await exec(["sh", "-c", script]);
    expect([stdout, stderr]).toEqual(["out\n", "err\n"]);
    expect(status).toMatchObject({
      status: "Failure",
      reason: "NonZeroExitCode",
      details: { causes: [{ reason: "ExitCode", message: "5" }] },
    });
    expect((await exec(["true"])).status).toMatchObject({ status: "Success" });
  });

  test("exec takes input", async () => {
    const stdin = new PassThrough();
    stdin.write("a line\n");
    const { stdout } = await exec(["head", "-n", "1"], stdin);
    expect(stdout).toBe("a line\n");
  });

  test("exec with a terminal follows its size", async () => {
    const stdin = new PassThrough();
    const screen = Object.assign(collector(), { rows: 40, columns: 90 });
    const ended = new Promise<V1Status>((resolve, reject) => {
      new Exec(config)
        .exec(namespace, "web", "app", ["sh"], screen, null, stdin, true, resolve)
        .catch(reject);
    });
    await eventually("the prompt", () => screen.text().includes("# "));
    stdin.write("stty size\n");
    await eventually("the first size", () => screen.text().includes("40 90"));
    Object.assign(screen, { rows: 41, columns: 91 }).emit("resize");
    await eventually("the second size", () => {
      stdin.write("stty size\n");
      return screen.text().includes("41 91");
    });
    stdin.write("exit\n");
    expect(await ended).toMatchObject({ status: "Success" });
  });

  test("attach joins the main process, and its input", async () => {
    const [stdin, stdout] = [new PassThrough(), collector()];
    const socket = await new Attach(config).attach(
      namespace,
      "talker",
      "app",
      stdout,
      null,
      stdin,
      false,
    );
    stdin.write("hello\n");
    await eventually("the echo", () => stdout.text() === "hello\n");
    socket.close();
  });

  test("cp copies both ways", async () => {
    const folder = await mkdtemp(join(tmpdir(), "lh-cp-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const bytes = randomBytes(300_000);
    await writeFile(join(folder, "there"), bytes);
    const cp = new Cp(config);
    await cp.cpToPod(namespace, "web", "app", folder, "/tmp");
    await eventually("the file is there", async () => {
      const { stdout } = await exec(["sh", "-c", "wc -c < /tmp/there"]);
      return stdout.trim() === String(bytes.length);
    });
    await exec(["mv", "/tmp/there", "/tmp/back"]);
    await cp.cpFromPod(namespace, "web", "app", "back", folder, "/tmp");
    await eventually("the file is back", async () =>
      bytes.equals(await readFile(join(folder, "back"))),
    );
  });

  test("portForward carries connections side by side", async () => {
    const forward = new PortForward(config);
    const server = createServer((socket) => {
      socket.on("error", () => {});
      forward.portForward(namespace, "web", [80], socket, null, socket).catch(() => {
        socket.destroy();
      });
    });
    const port = await listen(server);
    const ask = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/`)).text();
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(["v1\n", "v1\n", "v1\n"]);
    server.close();
  });

  test("log gives what was said", async () => {
    const sink = collector();
    await new Log(config).log(namespace, "web", "app", sink, { tailLines: 5 });
    await eventually("a line", () => sink.text().includes("version v1"));
  });
});
