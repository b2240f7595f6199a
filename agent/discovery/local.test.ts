import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { providerConformance } from "../../test/conformance/provider.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { defaultSockets, findLocalHosts, localProvider } from "./local.ts";

providerConformance("local", { faults: [], twice: "once", isFixed: true }, async () => {
  const url = (number: number): string => `tcp://10.0.0.${number}:2375`;
  let urls: readonly string[] = [];
  return {
    get provider() {
      return localProvider({ urls, env: {} });
    },
    hold: (numbers) => void (urls = numbers.map(url)),
    url,
    break: () => undefined,
    mend: () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
});

const quick = (): AbortSignal => AbortSignal.timeout(5_000);

async function makeHome(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "home-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function start(): Promise<string> {
  const simulated = await simulatedEngine();
  onTestFinished(() => simulated[Symbol.asyncDispose]());
  return simulated.url;
}

async function writeContext(homeDir: string, name: string, meta: object): Promise<void> {
  const id = createHash("sha256").update(name).digest("hex");
  const dir = join(homeDir, ".docker", "contexts", "meta", id);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, "meta.json"), JSON.stringify(meta));
}

const found = (url: string): object => ({ url, provider: "local", labels: {} });

test("findLocalHosts() takes the named hosts as they are, each once, and looks at nothing else", async () => {
  const urls = ["unix:///tmp/a.sock", "tcp://10.0.0.1:2375", "unix:///tmp/a.sock"];
  const env = { DOCKER_HOST: "unix:///tmp/other.sock" };
  expect(await findLocalHosts({ urls, env }, quick())).toEqual([
    found("unix:///tmp/a.sock"),
    found("tcp://10.0.0.1:2375"),
  ]);
});

test("findLocalHosts() refuses a named host that cannot be one", async () => {
  await expect(findLocalHosts({ urls: ["docker.sock"], env: {} }, quick())).rejects.toMatchObject({
    reason: "BadRequest",
    message: expect.stringContaining('"docker.sock"') as string,
  });
});

test("findLocalHosts() goes by DOCKER_HOST before the context", async () => {
  const url = await start();
  const homeDir = await makeHome();
  await writeContext(homeDir, "far", { Endpoints: { docker: { Host: "unix:///tmp/far.sock" } } });
  const env = { DOCKER_HOST: url, DOCKER_CONTEXT: "far" };
  expect(await findLocalHosts({ env, homeDir }, quick())).toEqual([found(url)]);
});

test("findLocalHosts() goes by the current docker context", async () => {
  const url = await start();
  const homeDir = await makeHome();
  await writeContext(homeDir, "mine", { Endpoints: { docker: { Host: url } } });
  await writeFile(join(homeDir, ".docker", "config.json"), '{"currentContext":"mine"}');
  expect(await findLocalHosts({ env: {}, homeDir }, quick())).toEqual([found(url)]);
});

test("findLocalHosts() names a context that leads nowhere", async () => {
  const homeDir = await makeHome();
  const env = { DOCKER_CONTEXT: "gone" };
  await expect(findLocalHosts({ env, homeDir }, quick())).rejects.toMatchObject({
    reason: "BadRequest",
    message: expect.stringContaining('docker context "gone"') as string,
  });
});

test("findLocalHosts() names a config.json that is no JSON", async () => {
  const homeDir = await makeHome();
  await mkdir(join(homeDir, ".docker"));
  await writeFile(join(homeDir, ".docker", "config.json"), "{");
  await expect(findLocalHosts({ env: {}, homeDir }, quick())).rejects.toMatchObject({
    reason: "BadRequest",
    message: expect.stringContaining("config.json: it is not JSON") as string,
  });
});

test("findLocalHosts() takes the first default socket that answers", async () => {
  const url = await start();
  const homeDir = await makeHome();
  const sockets = [join(homeDir, "none.sock"), url.slice("unix://".length)];
  expect(await findLocalHosts({ env: {}, homeDir, sockets }, quick())).toEqual([found(url)]);
});

test("findLocalHosts() names every place that it tried", async () => {
  const homeDir = await makeHome();
  const sockets = [join(homeDir, "a.sock"), join(homeDir, "b.sock")];
  await expect(findLocalHosts({ env: {}, homeDir, sockets }, quick())).rejects.toMatchObject({
    reason: "ServiceUnavailable",
    message: [
      "Cannot find a Docker engine: start Docker, or name one with --docker URL. Tried:",
      `  default socket: Cannot reach Docker engine at unix://${sockets[0]}: no such socket`,
      `  default socket: Cannot reach Docker engine at unix://${sockets[1]}: no such socket`,
    ].join("\n"),
  });
});

test("findLocalHosts() reads certificates for tcp as the docker CLI does", async () => {
  const homeDir = await makeHome();
  const env = { DOCKER_HOST: "tcp://127.0.0.1:1", DOCKER_TLS_VERIFY: "1" };
  await expect(findLocalHosts({ env, homeDir }, quick())).rejects.toMatchObject({
    message: expect.stringContaining(join(homeDir, ".docker", "ca.pem")) as string,
  });
});

test("defaultSockets() begins with the system's and knows the rootless one", () => {
  const sockets = defaultSockets("/home/me", { XDG_RUNTIME_DIR: "/run/user/1000" });
  expect(sockets.slice(0, 2)).toEqual(["/var/run/docker.sock", "/run/user/1000/docker.sock"]);
});

test("localProvider() keeps what it found, also when its engine goes away", async () => {
  const simulated = await simulatedEngine();
  onTestFinished(() => simulated[Symbol.asyncDispose]());
  const homeDir = await makeHome();
  const sockets = [simulated.url.slice("unix://".length)];
  const provider = localProvider({ env: {}, homeDir, sockets });
  expect(await provider.find(quick())).toEqual([found(simulated.url)]);
  await simulated.stop();
  expect(await provider.find(quick())).toEqual([found(simulated.url)]);
});

test("findLocalHosts() logs in to ssh hosts as the user would", async () => {
  const homeDir = await makeHome();
  await mkdir(join(homeDir, ".ssh"));
  await writeFile(join(homeDir, ".ssh", "known_hosts"), "HOSTS");
  await writeFile(join(homeDir, ".ssh", "id_rsa"), "KEY");
  const urls = ["ssh://ops@10.0.0.9"];
  const byKey = { knownHosts: "HOSTS", privateKey: "KEY" };
  expect(await findLocalHosts({ urls, env: {}, homeDir }, quick())).toMatchObject([{ ssh: byKey }]);
  const env = { SSH_AUTH_SOCK: "/run/agent" };
  const [host] = await findLocalHosts({ urls, env, homeDir }, quick());
  expect(host?.ssh).toEqual({ knownHosts: "HOSTS" });
});
