import { generateKeyPairSync } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../agent/engine/dockerode.ts";
import type { Engine } from "../../agent/engine/engine.ts";
import { startAgent } from "../kit/apart.ts";
import { type PrivateDockerd, privateDockerd, skipWithoutDockerd } from "../kit/dockerd.ts";
import { startEtcd } from "../kit/etcd.ts";
import { eventually } from "../kit/eventually.ts";
import { freePort } from "../kit/free-port.ts";
import { makeTestImages, testImages } from "../kit/images.ts";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";
import { missingProgram, skipReason } from "../kit/missing.ts";
import { run } from "../kit/run.ts";
import { type RunningProgram, runningProgram } from "../kit/running-program.ts";
import { manifest, must } from "./site.ts";

const skipped =
  skipReason("backups between machines", missingProgram("etcd")) || skipWithoutDockerd();
const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");
const { publicKey, privateKey } = generateKeyPairSync("x25519", {
  publicKeyEncoding: { type: "spki", format: "pem" },
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
});
// The deadline of a rollout counts on while its control plane is away.
const patient = { strategy: { progressDeadlineSeconds: 300 } };
const patience = { timeoutMs: 30_000, intervalMs: 100 };

/**
 * One story: a machine with a control plane is lost in the middle of a rollout. Its backup comes back
 * on an empty one, and then on etcd. The host with the containers is there all the time.
 */
describe.skipIf(skipped)("backup and restore", () => {
  const stack = new AsyncDisposableStack();
  let root: string;
  let docker: PrivateDockerd;
  let engine: Engine;
  let server: Lighthouse;
  let agent: RunningProgram;
  let controllers: RunningProgram;
  let token: string;
  let listen: string;
  let oldRevision: string;
  let before: Readonly<Record<"steady" | "young", readonly string[]>>;
  const dir = (name: string): string => join(root, name);
  const file = (): string => dir("lighthouse.backup");

  beforeAll(async () => {
    docker = stack.use(await privateDockerd());
    engine = stack.use(openEngine(docker.url));
    await makeTestImages(engine.images);
    root = await mkdtemp(join(tmpdir(), "lighthouse-backup-"));
    stack.defer(() => rm(root, { recursive: true, force: true }));
    await writeFile(dir("backup.pub"), publicKey);
    await writeFile(dir("backup.key"), privateKey, { mode: 0o600 });
    listen = `127.0.0.1:${await freePort()}`;
    await startMachine("a");
    // The host's agent is no part of the machine that will be lost.
    await mkdir(join(dir("host"), "pki"), { recursive: true });
    const kubeconfig = join("pki", "agent.kubeconfig");
    await copyFile(join(dir("a"), kubeconfig), join(dir("host"), kubeconfig));
    agent = stack.use(startAgent(dir("host"), [docker.url]));
  });
  afterAll(() => stack.disposeAsync());

  async function startMachine(name: string): Promise<void> {
    const dataDir = dir(name);
    server = stack.use(await startLighthouse({ command: "server", dataDir, docker: [], listen }));
    const kubeconfig = join(dataDir, "pki", "controllers.kubeconfig");
    controllers = stack.use(runningProgram(["controllers", `--kubeconfig=${kubeconfig}`]));
  }

  const kubectl = (...args: readonly string[]): Promise<string> => must(server.kubectl(args));
  const apply = (name: string, image: string, ...more: readonly string[]): Promise<string> =>
    must(server.cli(["apply", "-f", "-", ...more], { stdin: manifest(name, image, patient) }));
  const running = async (name: string): Promise<readonly string[]> =>
    (await engine.containers.list({ "lighthouse.dev/application": name }))
      .filter(({ phase }) => phase === "running")
      .map(({ id }) => id)
      .toSorted();
  const isReady = (name: string): Promise<string> =>
    kubectl("wait", "--for=condition=Ready", `application/${name}`, "--timeout=30s");
  const identity = (): string => `--identity=${dir("backup.key")}`;
  const backup = () => server.cli(["backup", file(), `--recipient=${dir("backup.pub")}`]);
  const restore = (name: string, ...args: readonly string[]) =>
    run([
      process.execPath,
      program,
      "restore",
      file(),
      identity(),
      `--data-dir=${dir(name)}`,
      `--encryption-keys=${join(dir(name), "encryption-keys.yaml")}`,
      ...args,
    ]);
  /** What must be valid whatever machine answers. */
  async function checkAccess(): Promise<void> {
    const bare = ["--kubeconfig=/dev/null", `--server=${server.url}`, `--token=${token}`];
    const trust = `--certificate-authority=${join(server.kubeconfig, "..", "pki", "ca.crt")}`;
    const whoami = await kubectl(...bare, trust, "auth", "whoami");
    expect(whoami).toContain("system:serviceaccount:default:deployer");
    const secret = await kubectl("get", "secret", "login", "-o", "jsonpath={.data.password}");
    expect(Buffer.from(secret, "base64").toString()).toBe("hunter2 hunter2");
    const own = ["--kubeconfig", dir("admin.kubeconfig"), `--server=${server.url}`];
    expect(await kubectl(...own, "get", "namespaces", "-o", "name")).toContain("kube-system");
  }

  test("a backup is taken while a rollout and writes go on", async () => {
    await copyFile(server.kubeconfig, dir("admin.kubeconfig"));
    const tokenOfDeployer = async (): Promise<void> => {
      await kubectl("create", "serviceaccount", "deployer");
      token = (await kubectl("create", "token", "deployer", "--duration=2h")).trim();
    };
    await Promise.all([
      tokenOfDeployer(),
      kubectl("create", "secret", "generic", "login", "--from-literal=password=hunter2 hunter2"),
      ...["steady", "moving"].map((name) => apply(name, testImages.web, "--wait")),
    ]);
    await apply("moving", testImages.web2);
    const writing = Promise.all(
      Array.from({ length: 3 }, (_, i) => kubectl("create", "configmap", `c-${i}`)),
    );
    const { stdout, stderr, code } = await backup();
    expect({ stdout, code }, stderr).toEqual({ stdout: "", code: 0 });
    expect(stderr).toMatch(/^Backed up \d+ objects at revision \d+ to /);
    await writing;
    expect((await server.cli(["backup", "verify", file(), identity()])).stdout).toContain(
      "complete",
    );
    const again = await backup();
    expect(again.stderr).toContain("it is there already; use --force");
    await Promise.all([apply("young", testImages.web, "--wait"), isReady("moving")]);
    oldRevision = await kubectl(
      "get",
      "configmap",
      "c-2",
      "-o",
      "jsonpath={.metadata.resourceVersion}",
    );
    before = { steady: await running("steady"), young: await running("young") };
    expect(before.steady).toHaveLength(3);
    expect(before.young).toHaveLength(3);
  });

  test("an empty machine takes its place: the agent finds back, no container is touched", async () => {
    await Promise.all([server.stop("SIGKILL"), controllers.stop("SIGKILL")]);
    await rm(dir("a"), { recursive: true });
    const restored = await restore("b");
    expect(restored.code, restored.stderr).toBe(0);
    expect(restored.stdout).toMatch(/^Restored \d+ objects of /);
    await startMachine("b");
    const refused = await restore("b");
    expect(refused.stderr).toMatch(/Cannot .*(is using it|holds a store already)/);
    expect(refused.code).toBe(1);
    await isReady("steady");
    await isReady("moving");
    await eventually(
      "the agent tells what it leaves alone",
      async () => (await kubectl("get", "events")).includes("UnknownPodHeld"),
      patience,
    );
    expect({ steady: await running("steady"), young: await running("young") }).toEqual(before);
    await checkAccess();
  });

  test("etcd takes over, on another address: old positions are refused, rollouts go on", async () => {
    await Promise.all([server.stop(), controllers.stop(), agent.stop()]);
    const etcd = stack.use(await startEtcd());
    const store = `etcd://${etcd.host}/restored`;
    const restored = await restore("c", `--store=${store}`);
    expect(restored.code, restored.stderr).toBe(0);
    expect((await restore("d", `--store=${store}`)).stderr).toMatch(/it holds \d+ keys under/);
    server = stack.use(await startLighthouse({ dataDir: dir("c"), docker: [docker.url], store }));
    await isReady("steady");
    expect({ steady: await running("steady"), young: await running("young") }).toEqual(before);
    await checkAccess();
    const watch = `/api/v1/configmaps?watch=1&resourceVersion=${oldRevision}&timeoutSeconds=2`;
    const answer = await server.kubectl(["get", "--raw", watch]);
    expect(answer.stdout + answer.stderr).toMatch(/410|Expired|too old|list again/);
    await apply("steady", testImages.web2, "--wait");
    const after = await running("steady");
    expect(after.filter((id) => before.steady.includes(id))).toEqual([]);
    expect(await running("young")).toEqual(before.young);
    await must(server.cli(["restore", "release"]));
    await eventually(
      "what nobody knows is removed",
      async () => ((await running("young")).length === 0 ? true : undefined),
      patience,
    );
    expect(await running("steady")).toEqual(after);
  });

  test("a backup that was changed restores nothing", async () => {
    const bytes = await readFile(file());
    bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
    await writeFile(file(), bytes);
    const refused = await restore("e");
    expect(refused.stderr).toContain("it was damaged or changed near byte");
    expect(refused.code).toBe(1);
    await expect(readFile(join(dir("e"), "pki", "ca.key"))).rejects.toThrow("ENOENT");
  });
});
