import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { type Kubectl, kubectls } from "../kit/kubectl.ts";
import { skipReason } from "../kit/missing.ts";
import { exchange, type StreamingKubectl, streamingKubectl } from "../kit/streaming-kubectl.ts";
import { must, openSite, type Site } from "./site.ts";

/** One per way of talking: SPDY alone, v5 over WebSocket, and SPDY inside of a WebSocket. */
const wanted = ["1.20", "1.27", "1.30", "1.31", "1.33"];
const all = kubectls();
const matching = all.filter(({ minor }) => minor !== undefined && wanted.includes(minor));
const found = matching.length > 0 ? matching : all.slice(-1);
const absent = wanted.filter((minor) => !found.some((one) => one.minor === minor));
if (absent.length > 0) console.warn(`skipped kubectl ${absent.join(", ")}: not on this machine`);
const missing = found.length === 0 ? "there is no kubectl" : undefined;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

let site: Site;
let folder: string;

function kubectlOf(minor: string): Kubectl {
  const one = found.find((kubectl) => kubectl.minor === minor) ?? found.at(-1);
  if (one === undefined) throw new Error("Cannot find any kubectl");
  return one;
}

const bind = (kubectl: Kubectl): StreamingKubectl =>
  streamingKubectl(kubectl, site.lighthouse.kubeconfig);

const pods = JSON.stringify({
  apiVersion: "v1",
  kind: "List",
  items: [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web" },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "app", image: testImages.web, imagePullPolicy: "IfNotPresent" }],
      },
    },
  ],
});

/** What runs in the container, as its own ps sees it. */
async function processes(): Promise<string> {
  const { stdout } = await bind(kubectlOf("1.33")).pipe(["exec", "web", "--", "ps"]);
  return stdout.toString();
}

async function rssBytes(): Promise<number> {
  const status = await readFile(`/proc/${site.lighthouse.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

const skipped = skipWithoutDockerd() || skipReason("streams with kubectl", missing);

describe.skipIf(skipped)("streams of a real container", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lh-streams-"));
    // The agent is another process: everything below goes through its tunnel.
    site = await openSite({ apart: true });
    const { kubectl } = site.lighthouse;
    await must(kubectl(["apply", "-f", "-"], { stdin: pods }));
    await must(kubectl(["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"]));
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  describe.each(found)("kubectl $minor", (kubectl) => {
    const bytes = randomBytes(4 * 1024 * 1024);

    test("exec: streams apart, exit code, bytes both ways", async () => {
      const { pipe } = bind(kubectl);
      const script = "echo out; echo err >&2; exit 7";
      const ended = await pipe(["exec", "web", "--", "sh", "-c", script]);
      expect([ended.code, ended.stdout.toString()]).toEqual([7, "out\n"]);
      expect(ended.stderr).toContain("err\n");
      const echoed = await pipe(["exec", "-i", "web", "-c", "app", "--", "cat"], bytes);
      expect([echoed.code, sha256(echoed.stdout)]).toEqual([0, sha256(bytes)]);
      const unknown = await pipe(["exec", "web", "-c", "none", "--", "true"]);
      expect([unknown.code, unknown.stderr]).toEqual([
        1,
        expect.stringContaining("container none is not valid for pod web"),
      ]);
    });

    test("cp: a file there and back", async () => {
      const { pipe } = bind(kubectl);
      const local = join(folder, `there-${kubectl.minor}`);
      const back = join(folder, `back-${kubectl.minor}`);
      await writeFile(local, bytes);
      expect(await pipe(["cp", local, "web:/tmp/copy"])).toMatchObject({ code: 0 });
      expect(await pipe(["cp", "web:/tmp/copy", back])).toMatchObject({ code: 0 });
      expect(sha256(await readFile(back))).toBe(sha256(bytes));
    });

    test("port-forward: connections side by side, and half-closed ones", async () => {
      const { forward, start } = bind(kubectl);
      await using web = await forward("pod/web", 80);
      const ask = async (): Promise<string> =>
        (await fetch(`http://127.0.0.1:${web.localPort}/`)).text();
      const answers = await Promise.all(Array.from({ length: 8 }, ask));
      expect(new Set(answers)).toEqual(new Set(["v1\n"]));
      await using counter = start([
        "exec",
        "web",
        "--",
        "nc",
        "-l",
        "-p",
        "7777",
        "-e",
        "wc",
        "-c",
      ]);
      await using count = await forward("pod/web", 7777);
      await eventually("it listens", async () => (await processes()).includes("nc -l -p 7777"));
      expect((await exchange(count.localPort, bytes)).trim()).toBe(String(bytes.length));
      expect(await counter.ended()).toBe(0);
      const close = Buffer.from("GET / HTTP/1.0\r\n\r\n");
      expect(await exchange(web.localPort, close, true)).toMatch(/\r\n\r\nv1\n$/);
    });

    test("attach and run: the main process with its input", async () => {
      const { pipe } = bind(kubectl);
      const name = `cat-${kubectl.minor?.replace(".", "-")}`;
      const image = [`--image=${testImages.web}`, "--image-pull-policy=IfNotPresent"];
      const args = ["run", name, "-i", "--rm", "--restart=Never", ...image, "--command", "--"];
      const ran = await pipe([...args, "sh", "-c", "cat; echo ended"], Buffer.from("piped\n"));
      expect(ran.code).toBe(0);
      expect(ran.stdout.toString()).toContain("piped\nended\n");
    });

    test("logs -f: what is said from now on", async () => {
      await using logs = bind(kubectl).start(["logs", "-f", "web"]);
      await eventually("it follows", () => logs.output().includes("version v1"));
    });
  });

  test("exec -it has a terminal of the right size, and takes what is typed", async () => {
    await using shell = bind(kubectlOf("1.33")).startTyping(["exec", "-it", "web", "--", "sh"]);
    await eventually("the prompt", () => shell.output().includes("# "));
    shell.child.stdin?.write("stty size; exit 3\n");
    expect(await shell.ended()).toBe(3);
    expect(shell.output()).toContain("33 99");
  });

  test.each(["1.27", "1.33"])(
    "kubectl %s run -it ends with the code of its program",
    async (minor) => {
      const name = `typed-${minor.replace(".", "-")}`;
      const image = [`--image=${testImages.web}`, "--image-pull-policy=IfNotPresent"];
      const args = ["run", name, "-it", "--restart=Never", ...image, "--command", "--", "sh"];
      await using shell = bind(kubectlOf(minor)).startTyping(args);
      await eventually("the prompt", () => shell.output().includes("# "));
      shell.child.stdin?.write("stty size; exit 5\n");
      expect(await shell.ended()).toBe(5);
      expect(shell.output()).toContain("33 99");
    },
  );

  test("kubectl debug attaches to a container beside the others", async () => {
    const image = [`--image=${testImages.web}`, "--image-pull-policy=IfNotPresent"];
    const args = ["debug", "-it", "web", ...image, "--", "sh"];
    await using shell = bind(kubectlOf("1.33")).startTyping(args);
    await eventually("the prompt", () => shell.output().includes("# "));
    shell.child.stdin?.write("wget -q -O - http://127.0.0.1/; exit\n");
    expect(await shell.ended()).toBe(0);
    expect(shell.output()).toContain("v1\r\n");
  });

  test.each([
    ["1.33", "4711"],
    ["1.27", "4712"],
  ])("kubectl %s that is killed leaves nothing behind in the container", async (minor, seconds) => {
    const script = `sleep ${seconds} & echo up; wait`;
    await using client = bind(kubectlOf(minor)).start([
      "exec",
      "-i",
      "web",
      "--",
      "sh",
      "-c",
      script,
    ]);
    await eventually("it runs", () => client.output().includes("up"));
    expect(await processes()).toContain(`sleep ${seconds}`);
    client.child.kill("SIGKILL");
    await eventually("it is gone", async () => !(await processes()).includes(`sleep ${seconds}`));
  });

  test("a client that does not read costs no memory, and its command is ended", async () => {
    const clients = ["1.33", "1.27"].map((minor) =>
      bind(kubectlOf(minor)).start(["exec", "web", "--", "cat", "/dev/zero"], { silent: true }),
    );
    const before = await rssBytes();
    // The pipes, sockets and windows between the two fill up at once; from then on nothing may grow.
    await eventually("the writers are held back", async () => {
      const list = await processes();
      return (list.match(/cat \/dev\/zero/g) ?? []).length === 2;
    });
    const late = performance.now() + 3_000;
    await eventually("three seconds passed", () => performance.now() > late);
    expect((await rssBytes()) - before).toBeLessThan(64 * 1024 * 1024);
    for (const client of clients) await client[Symbol.asyncDispose]();
    await eventually("they are gone", async () => !(await processes()).includes("cat /dev/zero"));
  });

  test("refusals name what is in the way", async () => {
    const { pipe } = bind(kubectlOf("1.33"));
    const closed = await bind(kubectlOf("1.33")).forward("pod/web", 9);
    await exchange(closed.localPort, Buffer.from("x")).catch(() => "");
    await eventually("it says why", () => closed.output().includes("nothing listens on it"));
    await closed[Symbol.asyncDispose]();
    const missing = await pipe(["exec", "web", "--", "no-such-program"]);
    expect([missing.code, missing.stdout.toString()]).toEqual([
      126,
      expect.stringContaining("executable file not found"),
    ]);
  });
});
