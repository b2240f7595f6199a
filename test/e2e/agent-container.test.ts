import { execFileSync } from "node:child_process";
import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { makeImageContext } from "../../hack/image-context.ts";
import { beacons, nodes } from "../../api/machinery/resources.ts";
import { privateDockerd, skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { openJoinRig } from "../kit/join-rig.ts";
import { run } from "../kit/run.ts";

const image = "lighthouse:test";
const base = "lh/node:24";
const dockerfile = path.join(import.meta.dirname, "../../manifests/agent/Dockerfile");

/** A root with this machine's Node.js and the libraries that it is linked with, as a tar archive. */
async function makeBase(dir: string): Promise<string> {
  const root = path.join(dir, "root");
  for (const folder of ["bin", "etc", "tmp", "var/lib"]) {
    await mkdir(path.join(root, folder), { recursive: true });
  }
  await copyFile(process.execPath, path.join(root, "bin/node"));
  const linked = execFileSync("ldd", [process.execPath], { encoding: "utf8" });
  for (const [, file = ""] of linked.matchAll(/(\/\S+\.so\S*) \(/g)) {
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await cp(file, path.join(root, file), { dereference: true });
  }
  await symlink("/proc/mounts", path.join(root, "etc/mtab"));
  const archive = path.join(dir, "base.tar");
  execFileSync("tar", ["-C", root, "-cf", archive, "."]);
  return archive;
}

describe.skipIf(skipWithoutDockerd())("the agent as a container", () => {
  test("joins by the line that the CLI prints, survives a restart, is revoked, and ends when asked", async () => {
    await using stack = new AsyncDisposableStack();
    const dir = await mkdtemp(path.join(tmpdir(), "lighthouse-image-"));
    stack.defer(() => rm(dir, { recursive: true, force: true }));
    const [dockerd, rig] = await Promise.all([privateDockerd(), openJoinRig()]);
    stack.use(dockerd);
    stack.use(rig);
    const docker = async (...args: readonly string[]): Promise<string> => {
      const env = { DOCKER_HOST: dockerd.url, DOCKER_BUILDKIT: "0" };
      const { code, stdout, stderr } = await run(["docker", ...args], { env, timeoutMs: 60_000 });
      expect(code, stderr).toBe(0);
      // What a container wrote to its standard error comes on ours.
      return `${stdout}${args[0] === "logs" ? stderr : ""}`.trim();
    };
    const context = path.join(dir, "context");
    const [archive] = await Promise.all([makeBase(dir), makeImageContext(context)]);
    await docker("import", "--change", "ENV PATH=/bin", archive, base);
    await docker(
      "build",
      "-q",
      "-f",
      dockerfile,
      "-t",
      image,
      "--build-arg",
      `BASE=${base}`,
      context,
    );
    expect(await docker("run", "--rm", image, "version", "--client")).toMatch(/^Client: \d/);
    const line = await rig.cli(
      "token",
      "create",
      "--beacon",
      "box",
      "--print",
      "docker",
      "--image",
      image,
    );
    const link = /LIGHTHOUSE_JOIN='([^']+)'/.exec(line.stdout)?.[1] ?? "";
    const socket = dockerd.url.replace("unix://", "");
    // The same line, but that this machine's network is the test server's.
    await docker(
      "run",
      "-d",
      "--name",
      "lighthouse-agent",
      "--network",
      "host",

      "-v",
      `${socket}:/var/run/docker.sock`,
      ...(line.stdout.match(/--(?:label|mount) \S+/g) ?? []).flatMap((flag) => flag.split(" ")),
      "-e",
      `LIGHTHOUSE_JOIN=${link}`,
      image,
    );
    const ready = (since: string): Promise<string> =>
      eventually(
        "its Node is ready",
        async () => {
          const { items } = await rig.admin.list(nodes);
          const [node] = items;
          const condition = node?.status?.conditions?.find(({ type }) => type === "Ready");
          if (condition?.status !== "True") return undefined;
          const heard = condition.lastHeartbeatTime ?? "";
          return heard === since ? undefined : node?.metadata.name;
        },
        { timeoutMs: 20_000 },
      ).catch(async (cause: unknown) => {
        throw new Error(await docker("logs", "lighthouse-agent"), { cause });
      });
    const name = await ready("");
    const id = await docker("info", "--format", "{{.ID}}");
    const found = await rig.admin.get(nodes, { name });
    expect(found?.spec?.providerID).toBe(`docker://${id}`);
    expect(await docker("logs", "lighthouse-agent")).not.toContain(link.slice(-20));
    await docker("restart", "-t", "10", "lighthouse-agent");
    await eventually("it runs again, as who it is", async () => {
      const lines = await docker("logs", "lighthouse-agent");
      return lines.split('"agent starts"').length === 3;
    });
    const [request, ...others] = await rig.requestsFor("box");
    expect([request?.spec.username?.startsWith("system:bootstrap:"), others]).toEqual([true, []]);
    const connected = async (): Promise<string | undefined> => {
      const beacon = await rig.admin.get(beacons, { name: "box" });
      return beacon?.status?.conditions?.find(({ type }) => type === "Connected")?.status;
    };
    await eventually("its tunnel is open", async () => (await connected()) === "True");
    await rig.cli("beacon", "revoke", "box");
    await eventually("its tunnel is closed", async () => (await connected()) === "False");
    await eventually("it says why", async () =>
      (await docker("logs", "lighthouse-agent")).includes("it was revoked at"),
    );
    expect(await docker("inspect", "-f", "{{.State.Running}}", "lighthouse-agent")).toBe("true");
    await docker("stop", "-t", "10", "lighthouse-agent");
    expect(await docker("inspect", "-f", "{{.State.ExitCode}}", "lighthouse-agent")).toBe("0");
  }, 90_000);
});
