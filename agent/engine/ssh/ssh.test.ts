import { afterEach, beforeEach, expect, test } from "vitest";
import { engineConformance } from "../../../test/conformance/engine.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { simulatedEngine } from "../../../test/kit/simulated-engine.ts";
import { type SshHost, sshKeyPair, startSshHost } from "../../../test/kit/ssh-host.ts";
import type { SimulatedEngine } from "../../simulated/simulated-engine.ts";
import { openEngine } from "../dockerode.ts";
import type { Engine } from "../engine.ts";

let simulated: SimulatedEngine;
let host: SshHost;
let engine: Engine;

const socketOf = ({ url }: SimulatedEngine): string => url.slice("unix://".length);
const loginTo = ({ knownHosts, privateKey }: SshHost) => ({ ssh: { knownHosts, privateKey } });

beforeEach(async () => {
  simulated = await simulatedEngine({ name: "behind-ssh" });
  host = await startSshHost(socketOf(simulated));
  engine = openEngine(host.url, loginTo(host));
});
afterEach(async () => {
  await engine[Symbol.asyncDispose]();
  await host[Symbol.asyncDispose]();
  await simulated[Symbol.asyncDispose]();
});

const whyNot = async (tried: Engine): Promise<string> => {
  try {
    await tried.info(AbortSignal.timeout(5_000));
    return "it answers";
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  } finally {
    await tried[Symbol.asyncDispose]();
  }
};

test("an engine behind ssh answers, by one login and one command", async () => {
  expect(await engine.info()).toMatchObject({ name: "behind-ssh" });
  for (let call = 0; call < 5; call += 1) await engine.ping();
  expect(host.logins).toBe(1);
  expect(new Set(host.commands)).toEqual(new Set(["docker system dial-stdio"]));
});

test("more calls at once than sshd allows per connection share several", async () => {
  await Promise.all(Array.from({ length: 30 }, () => engine.info()));
  expect(host.logins).toBeGreaterThan(1);
  expect(host.logins).toBeLessThanOrEqual(5);
});

test("a connection that is cut is made anew", async () => {
  await engine.info();
  host.cut();
  await eventually("it answers again", async () => (await engine.info()).name === "behind-ssh");
  expect(host.logins).toBe(2);
});

test("a host whose key is not known is refused before any login", async () => {
  const ssh = { knownHosts: "elsewhere ssh-ed25519 AAAA\n", privateKey: host.privateKey };
  expect(await whyNot(openEngine(host.url, { ssh }))).toContain("is not in known_hosts");
  expect(host.logins).toBe(0);
});

test("a host that shows another key is refused", async () => {
  const [name = ""] = host.knownHosts.split(" ");
  const [type, blob] = sshKeyPair().public.split(" ");
  const ssh = { knownHosts: `${name} ${type} ${blob}\n`, privateKey: host.privateKey };
  expect(await whyNot(openEngine(host.url, { ssh }))).toContain("somebody may listen in");
  expect(host.logins).toBe(0);
});

test("a key that the host does not take is named as the cause", async () => {
  const { private: privateKey } = sshKeyPair();
  const ssh = { knownHosts: host.knownHosts, privateKey };
  expect(await whyNot(openEngine(host.url, { ssh }))).toContain("ssh login as ops was refused");
});

test("a key that is none is named as the cause", async () => {
  const ssh = { knownHosts: host.knownHosts, privateKey: "no key" };
  expect(await whyNot(openEngine(host.url, { ssh }))).toContain("privateKey");
});

test("a host without docker says so in its own words", async () => {
  await using bare = await startSshHost();
  const tried = openEngine(bare.url, loginTo(bare));
  expect(await whyNot(tried)).toContain(
    '"docker system dial-stdio" ended with 127 on the host: sh: docker: not found',
  );
});

engineConformance("ssh", async () => {
  const behind = await simulatedEngine({ name: "behind-ssh" });
  const before = await startSshHost(socketOf(behind));
  return {
    url: before.url,
    options: loginTo(before),
    stop: () => behind.stop(),
    start: () => behind.start(),
    [Symbol.asyncDispose]: async () => {
      await before[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
});
