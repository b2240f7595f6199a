import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { missingProgram, skipReason } from "../kit/missing.ts";
import { startRegistry } from "../kit/registry.ts";
import { type Ran, run } from "../kit/run.ts";
import { must, openSite, type Site } from "./site.ts";

/** Stock docker commands; Debian's is 20.10, others may stand beside it. */
const found = ["/usr/bin/docker", "/usr/local/bin/docker"].filter((path) => existsSync(path));
const [docker = "docker"] = found;
const skipped =
  skipWithoutDockerd() ||
  skipReason("the stock docker command", found.length === 0 ? "there is no docker" : undefined);

let site: Site;
let folder: string;
let node: string;
/** What `lighthouse docker-env` told the shells of ann, who may not override, and of the administrator. */
let ann: NodeJS.ProcessEnv;
let root: NodeJS.ProcessEnv;
let annKubeconfig: string;
let foreign: string;

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const web = testImages.web;

/** Runs the docker command with what a shell was told. */
const as = (env: NodeJS.ProcessEnv, args: readonly string[], stdin?: string): Promise<Ran> =>
  run([docker, ...args], { env, timeoutMs: 30_000, ...(stdin === undefined ? {} : { stdin }) });

/** On the engine itself, beside Lighthouse. */
const direct = (args: readonly string[]): Promise<string> =>
  must(run([docker, "-H", site.docker.url, ...args], { env: { DOCKER_HOST: undefined } }));

/** With a terminal of its own, as a person has. */
const onTerminal = (env: NodeJS.ProcessEnv, args: readonly string[]): Promise<Ran> =>
  run(["script", "-qec", [docker, ...args].join(" "), "/dev/null"], { env, timeoutMs: 30_000 });

/** The variables of `export NAME='value'` and `unset NAME` lines. */
function variables(lines: string): NodeJS.ProcessEnv {
  const config = { DOCKER_CONFIG: join(folder, "config") };
  const pairs = lines.split("\n").flatMap((line) => {
    const set = /^export (\w+)='(.*)'$/.exec(line);
    const unset = /^unset (\w+)$/.exec(line);
    if (set !== null) return [[set[1] ?? "", set[2]] as const];
    return unset === null ? [] : [[unset[1] ?? "", undefined] as const];
  });
  return { ...config, ...Object.fromEntries(pairs) };
}

const rbac = "rbac.authorization.k8s.io";

/** A ServiceAccount with every right on this host but the override, and a kubeconfig with its token. */
async function makeAnn(): Promise<string> {
  const { kubectl, kubeconfig } = site.lighthouse;
  const rule = (part: string, verbs: string[]): object => ({
    apiGroups: [""],
    resources: [`nodes/docker-${part}`],
    resourceNames: [node],
    verbs,
  });
  const rules = [
    rule("read", ["get"]),
    ...["write", "exec", "build"].map((part) => rule(part, ["create"])),
  ];
  const objects = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "ann", namespace: "default" } },
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: { name: "ann" }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: { name: "ann" },
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name: "ann" },
      subjects: [{ kind: "ServiceAccount", name: "ann", namespace: "default" }],
    },
  ];
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  await must(kubectl(["apply", "-f", "-"], { stdin: list }));
  const token = (await must(kubectl(["create", "token", "ann"]))).trim();
  const flat = await must(kubectl(["config", "view", "--raw", "-o", "json"]));
  const own = JSON.parse(flat) as { users: { name: string; user: object }[] };
  const users = own.users.map(({ name }) => ({ name, user: { token } }));
  const path = join(folder, "ann.kubeconfig");
  await writeFile(path, stringify({ ...own, users }));
  expect(kubeconfig).not.toBe(path);
  return path;
}

const pod = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "app", image: web, imagePullPolicy: "IfNotPresent" }],
  },
});

/** Lines as they come, with the time of each. */
function arrivals(child: ChildProcess): {
  readonly at: number[];
  readonly ended: Promise<unknown>;
} {
  const at: number[] = [];
  child.stdout?.on("data", () => at.push(performance.now()));
  return { at, ended: new Promise((resolve) => child.once("close", resolve)) };
}

async function rssBytes(): Promise<number> {
  const status = await readFile(`/proc/${site.lighthouse.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}

describe.skipIf(skipped)("the stock docker command on a Node", () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "lh-docker-"));
    site = await openSite({ args: ["--audit-log", join(folder, "audit.log")] });
    await direct(["run", "-d", "--name", "foreign", "--label", "a=b", web]);
    foreign = await direct(["inspect", "foreign"]);
    const options = ["-o", "type=none", "-o", "o=bind", "-o", "device=/"];
    await direct(["volume", "create", ...options, "everything"]);
    const { kubectl, cli } = site.lighthouse;
    node = await eventually("there is a Node", async () => {
      const names = await must(kubectl(["get", "nodes", "-o", "name"]));
      return names.trim().replace("node/", "") || undefined;
    });
    await must(kubectl(["apply", "-f", "-"], { stdin: pod }));
    annKubeconfig = await makeAnn();
    const env = { XDG_RUNTIME_DIR: folder };
    root = variables(await must(cli(["docker-env", "--shell", "bash", node], { env })));
    const flags = ["--shell", "bash", "--kubeconfig", annKubeconfig, node];
    ann = variables(await must(cli(["docker-env", ...flags], { env })));
    await must(kubectl(["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"]));
  });
  afterAll(async () => {
    const env = { XDG_RUNTIME_DIR: folder };
    const flags = ["--unset", "--kubeconfig", annKubeconfig, node];
    await site.lighthouse.cli(["docker-env", ...flags], { env });
    await site[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  test("docker-env gives a certificate its way to the server, and a token a forwarder", async () => {
    expect(root["DOCKER_HOST"]).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+\/api\/v1\/nodes\/[^/]+\/proxy$/);
    expect(root["DOCKER_TLS_VERIFY"]).toBe("1");
    expect(ann["DOCKER_HOST"]).toMatch(/^unix:\/\//);
    for (const env of [root, ann])
      expect(await must(as(env, ["ps", "--format", "{{.Names}}"]))).toContain("foreign");
  });

  test.each(found)("%s runs, feeds and enters containers", async (program) => {
    for (const env of program === docker ? [root, ann] : [ann]) {
      const own = (args: readonly string[], stdin = ""): Promise<Ran> =>
        run([program, ...args], { env, stdin, timeoutMs: 30_000 });
      // The end of the input is passed on, and the output still comes.
      expect(await own(["run", "--rm", "-i", web, "wc", "-c"], "12345")).toMatchObject({
        code: 0,
        stdout: "5\n",
      });
      expect((await own(["run", "--rm", web, "sh", "-c", "exit 7"])).code).toBe(7);
      await must(
        own(["run", "-d", "--name", "hand", "-v", "data:/data", "-p", "127.0.0.1::80", web]),
      );
      expect(await must(own(["exec", "-i", "hand", "cat"], "in"))).toBe("in");
      expect((await own(["exec", "hand", "sh", "-c", "exit 3"])).code).toBe(3);
      await must(own(["rm", "-f", "hand"]));
    }
  });

  test("terminals have a size, colours and an exit code", async () => {
    const ran = await onTerminal(ann, ["run", "--rm", "-it", web, "sh", "-c", "'tty; exit 4'"]);
    expect([ran.code, ran.stdout]).toEqual([4, expect.stringContaining("/dev/pts/0")]);
    await must(as(ann, ["run", "-d", "--name", "hand", web]));
    const inside = await onTerminal(ann, ["exec", "-it", "hand", "sh", "-c", "'tty; exit 5'"]);
    expect([inside.code, inside.stdout]).toEqual([5, expect.stringContaining("/dev/pts/")]);
    expect(await must(as(ann, ["stats", "--no-stream", "--format", "{{.Name}}"]))).toContain(
      "hand",
    );
    expect(await must(as(ann, ["top", "hand"]))).toContain("httpd");
    expect((await as(ann, ["rm", "-f", "hand"])).code).toBe(0);
  });

  test("logs come line by line, at once", async () => {
    const script = "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done";
    await must(as(ann, ["run", "-d", "--name", "slow", web, "sh", "-c", script]));
    const begun = performance.now();
    const child = spawn(docker, ["logs", "-f", "slow"], { env: { ...process.env, ...ann } });
    const { at, ended } = arrivals(child);
    await ended;
    expect((at[0] ?? Infinity) - begun).toBeLessThan(1_000);
    expect(at.length).toBeGreaterThanOrEqual(4); // one chunk at the end would be what others had
    await must(as(ann, ["rm", "slow"]));
  });

  test("images are built, pushed and pulled with progress", async () => {
    await using registry = await startRegistry();
    const context = join(folder, "context");
    await mkdir(context);
    await writeFile(join(context, "Dockerfile"), `FROM ${web}\nCOPY a /a\nRUN cat /a > /b\n`);
    await writeFile(join(context, "a"), "built");
    const name = `${registry.address}/hand/app:v1`;
    await must(as(ann, ["build", "-t", name, context]));
    expect(await must(as(ann, ["run", "--rm", name, "cat", "/b"]))).toBe("built");
    expect(await must(as(ann, ["push", name]))).toContain("digest: sha256:");
    await must(as(ann, ["rmi", name]));
    expect(await must(as(ann, ["pull", name]))).toContain("Downloaded newer image");
    await must(as(ann, ["rmi", name]));
  });

  test("a large file is copied in and out unchanged, and held back as the slower side needs", async () => {
    await must(as(ann, ["run", "-d", "--name", "copy", web]));
    const bytes = randomBytes(8 << 20);
    const file = join(folder, "large");
    await writeFile(file, Buffer.concat(Array.from({ length: 8 }, () => bytes)));
    const before = await rssBytes();
    await must(as(ann, ["cp", file, "copy:/large"]));
    await must(as(ann, ["cp", "copy:/large", `${file}.back`]));
    const [sent, back] = await Promise.all([readFile(file), readFile(`${file}.back`)]);
    expect(sha256(back)).toBe(sha256(sent));
    expect((await rssBytes()) - before).toBeLessThan(96 << 20);
    await must(as(ann, ["rm", "-f", "copy"]));
  });

  test("events are told while things happen", async () => {
    const child = spawn(
      docker,
      ["events", "--filter", "container=seen", "--format", "{{.Action}}"],
      {
        env: { ...process.env, ...ann },
      },
    );
    let told = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (told += text));
    try {
      await eventually("events are told", async () => {
        await must(as(ann, ["run", "--rm", "--name", "seen", web, "true"]));
        return told.includes("create") && told.includes("die");
      });
    } finally {
      child.kill();
    }
  });

  test("what compose does goes through: networks, volumes and names by project", async () => {
    const project = ["--label", "com.docker.compose.project=p"];
    await must(as(ann, ["network", "create", ...project, "p_default"]));
    await must(as(ann, ["volume", "create", ...project, "p_data"]));
    const join = ["--network", "p_default", "--network-alias", "db"];
    await must(
      as(ann, ["create", "--name", "p-db-1", ...project, ...join, "-v", "p_data:/data", web]),
    );
    await must(as(ann, ["start", "p-db-1"]));
    const app = ["run", "--rm", ...project, "--network", "p_default", web];
    expect(await must(as(ann, [...app, "wget", "-qO-", "http://db/"]))).toContain("v1");
    const filter = ["--filter", "label=com.docker.compose.project=p", "--format", "{{.Names}}"];
    expect((await must(as(ann, ["ps", ...filter]))).trim()).toBe("p-db-1");
    await must(as(ann, ["stop", "-t", "1", "p-db-1"]));
    await must(as(ann, ["rm", "p-db-1"]));
    await must(as(ann, ["network", "rm", "p_default"]));
    await must(as(ann, ["volume", "rm", "p_data"]));
  });

  test.skipIf(skipReason("compose", missingProgram("docker-compose")))(
    "the stock docker-compose brings a project up and down",
    async () => {
      const dir = join(folder, "shop");
      await mkdir(dir);
      const service = { image: web, stop_grace_period: "1s" };
      const services = {
        db: { ...service, volumes: ["data:/data"] },
        app: { ...service, depends_on: ["db"], environment: { PORT: "8080" } },
      };
      const file = join(dir, "docker-compose.yml");
      await writeFile(file, stringify({ version: "2.4", services, volumes: { data: {} } }));
      const compose = (...args: readonly string[]): Promise<string> =>
        must(run(["docker-compose", "-f", file, ...args], { env: ann, timeoutMs: 60_000 }));
      await compose("up", "-d");
      const ask = ["exec", "-T", "app", "wget", "-qO-", "http://db/"];
      expect(await compose(...ask)).toBe("v1\n");
      expect(await compose("logs", "--no-color", "app")).toContain("listening on port 8080");
      await compose("down", "-v");
      const left = ["ps", "-aq", "--filter", "label=com.docker.compose.project=shop"];
      expect(await must(as(ann, left))).toBe("");
    },
  );

  test.each([
    [["run", "--rm", "--privileged", web], "privileged containers are refused"],
    [["run", "--rm", "-v", "/:/host", web], "a directory of the host"],
    [["run", "--rm", "-v", "everything:/host", web], "a directory or device of the host"],
    [["run", "--rm", "--network", "host", web], "the network of the host is refused"],
    [["run", "--rm", "--pid", "container:foreign", web], "processes of the host"],
    [["run", "--rm", "--cap-add", "SYS_ADMIN", web], "the capability is not one"],
    [["volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/"], "DriverOpts"],
    [["build", "--network", "host", "-t", "x", "-"], "networkmode: other networks"],
    [["swarm", "init"], "a second orchestrator"],
    [["plugin", "install", "--grant-all-permissions", "a/b"], "a plugin runs as root"],
    [["image", "prune", "-a", "-f"], "Cannot prune images"],
  ])("docker %j is refused in words", async (args, why) => {
    const { code, stderr } = await as(ann, args, "FROM scratch\n");
    expect(code).not.toBe(0);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('"kind"'); // its message alone
  });

  test("the container of a Pod is read-only, and no prune takes it", async () => {
    const names = await must(as(ann, ["ps", "--format", "{{.Names}}"]));
    const name = names.split("\n").find((one) => one.includes("web")) ?? "";
    const before = await direct(["inspect", name]);
    expect(await must(as(ann, ["logs", name]))).toContain("listening");
    for (const args of [
      ["rm", "-f", name],
      ["stop", name],
      ["exec", name, "true"],
      ["commit", name],
    ])
      expect(await as(ann, args)).toMatchObject({
        code: expect.not.toSatisfy((code: number) => code === 0),
        stderr: expect.stringContaining("it belongs to Pod default/web of Lighthouse"),
      });
    await must(as(ann, ["create", "--name", "litter", web]));
    expect(await must(as(ann, ["container", "prune", "-f"]))).toMatch(/Deleted Containers:/);
    expect(await direct(["inspect", name])).toBe(before);
  });

  test("lighthouse docker passes input, output and the exit code through", async () => {
    const { cli } = site.lighthouse;
    const own = ["docker", "--kubeconfig", annKubeconfig, node, "--"];
    const env = { XDG_RUNTIME_DIR: folder, DOCKER_HOST: "tcp://127.0.0.1:1" };
    const ran = await cli([...own, "run", "--rm", "-i", web, "sh", "-c", "cat; exit 6"], {
      env,
      stdin: "hello",
    });
    expect([ran.code, ran.stdout]).toEqual([6, "hello"]);
    expect((await cli(["__complete", "docker", ""])).stdout).toContain(node);
  });

  test("who did what is in the audit log and in Events, and no credentials are", async () => {
    await must(as(ann, ["create", "--name", "told", web]));
    await must(as(ann, ["rm", "told"]));
    const auth = { ...ann, DOCKER_CONFIG: join(folder, "auth") };
    await mkdir(auth.DOCKER_CONFIG);
    const secret = Buffer.from("user:hush-hush").toString("base64");
    const auths = { "127.0.0.1:1": { auth: secret } };
    await writeFile(join(auth.DOCKER_CONFIG, "config.json"), JSON.stringify({ auths }));
    await as(auth, ["pull", "127.0.0.1:1/a:b"]);
    await as(ann, ["build", "--build-arg", "TOKEN=hush-hush", "-"], "FROM scratch\n");
    const { kubectl, output } = site.lighthouse;
    const events = await eventually("events are told", async () => {
      const all = await must(kubectl(["get", "events", "-A", "-o", "json"]));
      return all.includes("DockerRemoved") && all.includes("container told") ? all : undefined;
    });
    expect(events).toContain("User system:serviceaccount:default:ann removed container told (");
    const log = await readFile(join(folder, "audit.log"), "utf8");
    const created = log.split("\n").find((line) => line.includes("containers/create?name=told"));
    expect(JSON.parse(created ?? "{}")).toMatchObject({
      verb: "create",
      user: { username: "system:serviceaccount:default:ann" },
      objectRef: { resource: "nodes", name: node, subresource: "docker-write" },
      responseStatus: { code: 201 },
      annotations: {
        "authorization.k8s.io/decision": "allow",
        "lighthouse.dev/method": "POST",
      },
    });
    expect(log).toContain("buildargs=REDACTED");
    for (const text of [log, output(), events])
      for (const hidden of ["hush-hush", secret]) expect(text).not.toContain(hidden);
  });

  test("other people's containers are as they were", async () => {
    expect(await direct(["inspect", "foreign"])).toBe(foreign);
  });
});
