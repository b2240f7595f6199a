import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openIdentity } from "../../../agent/join/identity.ts";
import { eventually } from "../../kit/eventually.ts";
import { type JoinRig, openJoinRig } from "../../kit/join-rig.ts";
import { anyKubectl } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

let rig: JoinRig;
beforeAll(async () => {
  rig = await openJoinRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

/** The name of a request that nobody has decided about. */
const waitingFor = (beacon: string): Promise<string> =>
  eventually("a request waits", async () => {
    const requests = await rig.requestsFor(beacon);
    const open = requests.find(
      ({ status }) => status?.certificate === undefined && status?.conditions === undefined,
    );
    return open?.metadata.name;
  });

/** How a join ends: as which beacon, or why not. Listened to from the start, as it may end at any time. */
async function joining(agent: string, beacon: string): Promise<string> {
  const options = rig.optionsOf(agent, rig.linkOf(await rig.makeToken(), beacon));
  try {
    return (await openIdentity(options, AbortSignal.timeout(15_000)))?.beacon ?? "nobody";
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  }
}

describe("lighthouse token", () => {
  test("create prints one line to paste, and shows the secret once", async () => {
    const terms = ["--beacon", "van", "--labels", "site=paris", "--ttl", "2h"];
    const { url } = rig.env;
    const made = await rig.cli(
      "token",
      "create",
      ...terms,
      "--description",
      "the van",
      "--server",
      url,
    );
    const link =
      /^lighthouse agent --join '(lighthouse:\/\/[^']+)'\n$/.exec(made.stdout)?.[1] ?? "";
    expect(link).toMatch(/\?token=[a-z0-9]{6}\.[a-z0-9]{16}&ca=sha256:[0-9a-f]{64}&beacon=van$/);
    const [, id = "", secret = ""] = /token=(\w+)\.(\w+)/.exec(link) ?? [];
    expect(made.stderr).toMatch(/Good for one host as beacon van, until .*It is not shown again/);
    for (const form of ["table", "wide", "json", "yaml"]) {
      const output = form === "table" ? [] : ["-o", form];
      const { stdout } = await rig.cli("token", "list", ...output);
      expect(stdout).toContain(id);
      expect(stdout).toContain("the van");
      expect(stdout).not.toContain(secret);
    }
  });

  test("rotate replaces a token, and the agent that joined with the old one stays", async () => {
    const token = await rig.makeToken({ beacon: "car", uses: "3" });
    const [id = ""] = token.split(".");
    const link = rig.linkOf(token, "car");
    const identity = await rig.joinAs("car", link);
    const rotated = await rig.cli("token", "rotate", id, "--print", "docker");
    expect(rotated.stdout).toMatch(/^docker run -d --name lighthouse-agent .*LIGHTHOUSE_JOIN='/s);
    const [, fresh = ""] = /token=([\w.]+)/.exec(rotated.stdout) ?? [];
    expect(fresh).not.toContain(id);
    await expect(rig.joinAs("car-b", link)).rejects.toThrow(`token ${id} was refused`);
    expect(await rig.visit(identity)).toBe("car");
    const second = await rig.joinAs("car-b", rig.linkOf(fresh, "car"));
    expect(await rig.visit(second)).toBe("car");
    const listed = await rig.cli("token", "list");
    expect(listed.stdout).toMatch(new RegExp(`${fresh.slice(0, 6)} +Ready +car +1/3 +never`));
    expect((await rig.cli("token", "delete", fresh)).stdout).toBe(
      `token ${fresh.slice(0, 6)} deleted\n`,
    );
    expect((await rig.cli("token", "delete", fresh)).stderr).toContain("not found");
  });

  test("create says what is wrong with its flags, and warns of an address that nobody reaches", async () => {
    const unit = await rig.cli(
      "token",
      "create",
      "--print",
      "systemd",
      "--ttl",
      "0s",
      "--uses",
      "0",
    );
    expect(unit.stdout).toContain("ExecStart=/usr/local/bin/lighthouse agent");
    expect(unit.stdout).toMatch(/^\(umask 077; echo LIGHTHOUSE_JOIN='lighthouse:.* > /m);
    expect(unit.stderr).toContain("name the address that agents use with --server");
    expect(unit.stderr).toContain("Good for any number of hosts. It");
    for (const [flag, value, words] of [
      ["--labels", "a=b=c", "--labels must be KEY=VALUE"],
      ["--labels", "a b=c", '--labels has "a b=c"'],
      ["--beacon", "A b", '--beacon is "A b"'],
      ["--uses", "many", "--uses must be a whole number"],
      ["--ttl", "soon", "--ttl must be a duration"],
      ["--server", "http://x", "--server must be HOST:PORT"],
    ] as const) {
      const { stdout, stderr } = await rig.cli("token", "create", flag, value);
      expect([stdout, stderr]).toEqual(["", expect.stringContaining(words)]);
    }
  });
});

test("systemd understands the unit", async () => {
  const unit = await readFile(
    path.join(import.meta.dirname, "../../../manifests/agent/lighthouse-agent.service"),
    "utf8",
  );
  const place = path.join(rig.dirOf("."), "lighthouse-agent.service");
  await writeFile(place, unit.replace("/usr/local/bin/lighthouse", process.execPath));
  const { code, stderr } = await run(["systemd-analyze", "verify", place]);
  // 127: there is none here, e.g. in a container.
  expect([0, 127], stderr).toContain(code);
});

test("lighthouse beacon deny refuses who waits, and of several it wants one named", async () => {
  await rig.joinAs("bus", rig.linkOf(await rig.makeToken()));
  const first = joining("bus-b", "bus");
  const name = await waitingFor("bus");
  const second = joining("bus-c", "bus");
  await eventually("both wait", async () => (await rig.requestsFor("bus")).length === 3);
  const vague = await rig.cli("beacon", "deny", "bus");
  expect(vague.stderr).toMatch(
    /Cannot choose: 2 requests wait for beacon "bus"; name one with --request/,
  );
  const denied = await rig.cli("beacon", "deny", "bus", "--request", name);
  expect(denied.stdout).toContain(`beacon bus denied: ${name}`);
  const words = /The server refused a certificate for beacon "bus"/;
  expect(await first).toMatch(words);
  await rig.cli("beacon", "deny", "beacon/bus");
  expect(await second).toMatch(words);
  expect((await rig.cli("beacon", "approve", "bus")).stderr).toContain("no request waits for it");
});

const kubectl = anyKubectl();
const noKubectl = kubectl === undefined ? "there is no kubectl" : undefined;
test.skipIf(skipReason("kubectl", noKubectl))(
  "kubectl lists, approves and denies requests",
  async () => {
    const ask = (...args: readonly string[]): Promise<Ran> =>
      run([kubectl?.path ?? "kubectl", ...args], { env: { KUBECONFIG: rig.env.kubeconfig } });
    await rig.joinAs("one", rig.linkOf(await rig.makeToken()));
    const pending = joining("two", "one");
    const name = await waitingFor("one");
    const listed = await ask("get", "csr");
    expect(listed.stdout).toMatch(new RegExp(`${name} .*lighthouse.dev/beacon .* Pending`));
    const approved = await ask("certificate", "approve", name);
    expect(approved.stderr + approved.stdout).toContain("approved");
    expect(await pending).toBe("one");
    const third = joining("three", "one");
    await ask("certificate", "deny", await waitingFor("one"));
    expect(await third).toMatch(/The server refused a certificate for beacon "one"/);
  },
);
