import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { authorityHash } from "../../../api/client/join-link.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { type CliDone, type CliOptions, runCli } from "../../kit/cli.ts";
import { type Env, startEnv } from "../../kit/env.ts";
import { eventually } from "../../kit/eventually.ts";
import { kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type Ran, run } from "../../kit/run.ts";

const program = path.join(import.meta.dirname, "../../../cli/lighthouse.mjs");
const password = "violet tram over seven bridges";
const minuteMs = 60_000;

let server: Env;
let root: string;
let home: string;
let aheadMs = 0;
let pin: string;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "lighthouse-login-"));
  server = await startEnv({ clock: { ...systemClock, nowMs: () => Date.now() + aheadMs } });
  pin = authorityHash(server.admin.ca ?? "");
  for (const name of ["ann", "bob", "eve"]) {
    const email = `${name}@example.com`;
    const args = ["user", "create", name, "--email", email, "--group", "dev", "--password-stdin"];
    const made = await admin(args, { stdin: `${password}\n` });
    if (made.code !== 0) throw new Error(made.err);
  }
  const kubeconfig = server.kubeconfig;
  const [kubectl] = kubectls();
  const binding = ["create", "clusterrolebinding", "dev", "--clusterrole=view", "--group=dev"];
  if (kubectl !== undefined) {
    await run([kubectl.path, ...binding], { env: { KUBECONFIG: kubeconfig } });
  }
});
afterAll(async () => {
  await server.stop();
  await rm(root, { recursive: true });
});
beforeEach(async () => {
  home = await mkdtemp(path.join(root, "home-"));
});

const env = (): NodeJS.ProcessEnv => ({ HOME: home, PATH: process.env["PATH"] });

function cli(args: readonly string[], options: CliOptions = {}): Promise<CliDone> {
  const nowMs = (): number => Date.now() + aheadMs;
  return runCli(args, { env: env(), self: [process.execPath, program], nowMs, ...options });
}

function admin(args: readonly string[], options: CliOptions = {}): Promise<CliDone> {
  return cli(args, { env: { KUBECONFIG: server.kubeconfig }, ...options });
}

/** Logs in as a script does, in a home of its own. */
async function login(name: string, ...flags: readonly string[]): Promise<CliDone> {
  const email = `${name}@example.com`;
  const args = ["login", server.url, "--email", email, "--password-stdin", "--ca-pin", pin];
  return cli([...args, ...flags], { stdin: `${password}\n` });
}

const logins = (): string => path.join(home, ".local", "state", "lighthouse", "logins");

/** The file of the only login, and what is in it. */
async function kept(): Promise<{ path: string; state: Record<string, unknown> }> {
  const files = (await readdir(logins())).filter((file) => file.endsWith(".json"));
  expect(files).toHaveLength(1);
  const file = path.join(logins(), files[0] ?? "");
  return { path: file, state: JSON.parse(await readFile(file, "utf8")) as Record<string, unknown> };
}

describe("lighthouse login", () => {
  test("writes a kubeconfig without a secret, and leaves what was in it alone", async () => {
    const folder = path.join(home, ".kube");
    await mkdir(folder);
    const file = path.join(folder, "config");
    const before = `apiVersion: v1
kind: Config
# mine, do not touch
clusters:
- name: other
  cluster: {server: "https://other:6443"} # elsewhere
users:
- {name: other, user: {token: "yes"}}
contexts:
- name: other
  context:
    cluster: other
    user: other
current-context: other
`;
    await writeFile(file, before, { mode: 0o644 });
    const { code, out, err } = await login("ann", "--context", "prod", "--namespace", "shop");
    expect([code, err]).toEqual([0, ""]);
    expect(out).toBe(
      `Logged in to ${server.url} as ann\nContext "prod" of ${file} is the current one\n`,
    );
    const after = await readFile(file, "utf8");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(after).toContain("# mine, do not touch");
    expect(after).toContain('{ name: other, user: { token: "yes" } }');
    expect(after).toContain("current-context: prod");
    expect(after).not.toMatch(/lh[srt]_/);
    const { path: state } = await kept();
    expect((await stat(state)).mode & 0o777).toBe(0o600);
    expect((await stat(logins())).mode & 0o777).toBe(0o700);
    expect((await cli(["whoami"])).out).toMatch(/^User +ann\nGroups +dev, system:authenticated\n/);
  });

  test("replaces the former login of its context, and ends that session", async () => {
    await login("ann");
    const first = (await kept()).state["token"];
    await login("ann");
    const second = (await kept()).state["token"];
    expect(second).not.toBe(first);
    const sessions = await cli(["session", "list", "-o", "json"]);
    expect(sessions.out).not.toContain(String(first).split("_")[1]);
    expect((await cli(["login"], { answers: ["ann@example.com", password] })).code).toBe(0);
    const twice = await readFile(path.join(home, ".kube", "config"), "utf8");
    expect(twice.match(/^ *- name:/gm)).toHaveLength(3);
  });

  test("asks on a terminal, and never shows a password", async () => {
    const answers = ["y", "ann@example.com", password];
    const { code, out, err } = await cli(["login", server.url], { answers });
    expect([code, err]).toEqual([0, expect.stringContaining(`fingerprint is\n  ${pin}\n`)]);
    expect(err).toContain("Password of ann@example.com: (hidden)");
    expect(out + err).not.toContain(password);
    const doubtful = await cli(["login", server.url, "--kubeconfig", path.join(home, "new")], {
      answers: ["n"],
    });
    expect([doubtful.code, doubtful.out]).toEqual([1, ""]);
  });

  test("refuses what it cannot trust, and sends nothing there", async () => {
    const email = ["--email", "ann@example.com", "--password-stdin"];
    const stdin = { stdin: `${password}\n` };
    const unknown = await cli(["login", server.url, ...email], stdin);
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining(`--ca-pin ${pin}`)]);
    const wrong = await cli(
      ["login", server.url, "--ca-pin", `sha256:${"0".repeat(64)}`, ...email],
      stdin,
    );
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("nothing was sent to it")]);
    for (const [args, words] of [
      [["login", "http://x"], "SERVER must be"],
      [["login", server.url, "--ca-pin", "1"], "--ca-pin must be"],
      [["login"], "Expected SERVER"],
      [["login", server.url, "--ca-pin", pin], "Expected --email"],
      [["login", server.url, "--ca-pin", pin, "--oidc"], "trusts no OpenID Connect issuer"],
    ] as const) {
      expect(await cli(args)).toMatchObject({ code: 2, err: expect.stringContaining(words) });
    }
    await expect(readdir(path.join(home, ".kube"))).rejects.toThrow(/ENOENT/);
  });

  test("refuses a wrong password, and a context that is somebody else's", async () => {
    const args = ["login", server.url, "--email", "bob@example.com", "--password-stdin"];
    const wrong = await cli([...args, "--ca-pin", pin], { stdin: "wrong\n" });
    expect([wrong.code, wrong.err]).toEqual([1, expect.stringContaining("password is wrong")]);
    const file = path.join(home, "config");
    await writeFile(file, await readFile(server.kubeconfig, "utf8"));
    const [, name = ""] = /current-context: (.+)/.exec(await readFile(file, "utf8")) ?? [];
    const taken = await login("bob", "--kubeconfig", file, "--context", name);
    expect([taken.code, taken.err]).toEqual([1, expect.stringContaining("another user of that")]);
    await expect(readdir(logins())).resolves.toEqual([]);
    expect((await admin(["session", "list", "--user", "bob"])).err).toBe("No sessions found\n");
  });
});

const all = kubectls().filter(({ minor }) => minor === "1.27" || minor === "1.33");
const missing = all.length === 0 ? "neither kubectl 1.27 nor 1.33 is there" : undefined;
describe.skipIf(skipReason("kubectl", missing))("kubectl", () => {
  const ask = (kubectl: string, ...args: readonly string[]): Promise<Ran> =>
    run([kubectl, ...args], { env: env() });

  /** Both clocks go on until the token has ended. */
  async function expire(): Promise<void> {
    aheadMs += 16 * minuteMs;
    const { path: file, state } = await kept();
    await writeFile(file, JSON.stringify({ ...state, expiresMs: Date.now() - 1 }));
  }

  test.each(all)(
    "$minor renews what has ended, and is refused once it is revoked",
    async ({ path: kubectl }) => {
      await login("ann");
      const list = ["get", "configmaps", "-n", "default"];
      expect((await ask(kubectl, ...list)).code).toBe(0);
      const first = (await kept()).state["token"];
      await expire();
      const late = await ask(kubectl, ...list);
      expect([late.code, late.stderr]).toEqual([0, expect.not.stringContaining("error")]);
      const { state } = await kept();
      expect(state["token"]).not.toBe(first);
      const [, session = ""] = String(state["token"]).split("_");
      const gone = await run([kubectl, "delete", "session", session], {
        env: { KUBECONFIG: server.kubeconfig },
      });
      expect(gone.stdout, gone.stderr).toContain("deleted");
      expect((await ask(kubectl, ...list)).stderr).toMatch(/must be logged in|Unauthorized/);
      await expire();
      expect((await ask(kubectl, ...list)).stderr).toMatch(
        /The login of ann at .* has ended; run "lighthouse login https:.* --context 127/,
      );
    },
  );

  test("several at once renew once, also past a lock whose owner died", async () => {
    await login("bob");
    const [{ path: kubectl } = { path: "" }] = all;
    await expire();
    const { path: file } = await kept();
    const dead = await run([process.execPath, "-p", "process.pid"]);
    await writeFile(`${file}.lock`, `${dead.stdout.trim()} 00\n`);
    const asked = Array.from({ length: 4 }, () => ask(kubectl, "auth", "can-i", "list", "pods"));
    const answers = await Promise.all(asked);
    expect(answers.map(({ stdout, stderr }) => stdout + stderr)).toEqual(
      answers.map(() => "yes\n"),
    );
    expect((await readdir(logins())).filter((name) => !name.endsWith(".json"))).toEqual([]);
    await expire();
    expect((await ask(kubectl, "auth", "can-i", "list", "pods")).stdout).toBe("yes\n");
  });

  test("a disabled user is refused at once, and let in again", async () => {
    await login("eve");
    const [{ path: kubectl } = { path: "" }] = all;
    const can = (): Promise<Ran> => ask(kubectl, "get", "configmaps", "-n", "default");
    expect((await can()).code).toBe(0);
    expect((await admin(["user", "disable", "eve"])).out).toBe("user eve disabled\n");
    expect((await can()).code).toBe(1);
    expect((await admin(["user", "enable", "eve"])).out).toBe("user eve enabled\n");
    expect((await can()).code).toBe(0);
    expect((await admin(["user", "groups", "eve", "--remove", "dev"])).err).toContain("no group");
    await eventually("the group's rights are gone", async () => (await can()).code === 1);
    expect((await admin(["user", "groups", "eve", "--add", "dev"])).out).toBe("dev\n");
  });
});

describe("lighthouse session and user", () => {
  test("list, revoke the others, and log out", async () => {
    const first = home;
    await login("ann");
    home = await mkdtemp(path.join(root, "home-"));
    await login("ann");
    const listed = await cli(["session", "list"]);
    expect(listed.out.match(/ ann /g)?.length).toBeGreaterThanOrEqual(2);
    expect(listed.out.match(/\(this\)/g)).toHaveLength(1);
    const revoked = await cli(["session", "revoke", "--others"]);
    expect(revoked.out).toMatch(/^(session \w+ revoked\n)+$/);
    const second = home;
    home = first;
    expect((await cli(["whoami"])).err).toMatch(/Unauthorized\n.*see "lighthouse login"/);
    home = second;
    expect((await cli(["whoami"])).code).toBe(0);
    expect((await cli(["logout"])).out).toMatch(/^Logged out of context "127/);
    expect(await readdir(logins())).toEqual([]);
    expect((await cli(["logout"])).out).toMatch(/is logged out already/);
    expect((await cli(["whoami"])).err).toMatch(/run "lighthouse login https:/);
    expect((await admin(["logout"])).err).toMatch(/was not made by lighthouse login/);
  });

  test("change the own password with the current one, and another's by right", async () => {
    await login("eve");
    const next = "nine slow ferries leave at dusk";
    const own = (lines: string): Promise<CliDone> =>
      cli(["user", "set-password", "--password-stdin"], { stdin: lines });
    expect((await own(`${next}\n`)).code).toBe(2);
    expect(await own(`wrong\n${next}\n`)).toMatchObject({ code: 1 });
    expect((await own(`${password}\n${next}\n`)).out).toMatch(/^password of user eve set;/);
    expect((await cli(["whoami"])).code).toBe(0);
    const typed = await admin(["user", "set-password", "eve"], { answers: [password, password] });
    expect(typed.out, typed.err).toMatch(/its sessions have ended/);
    expect((await cli(["whoami"])).code).toBe(1);
    const differ = await admin(["user", "set-password", "eve"], { answers: [password, next] });
    expect(differ).toMatchObject({ code: 2, err: expect.stringContaining("The passwords differ") });
    const denied = await login("ann").then(() =>
      cli(["user", "set-password", "eve", "--password-stdin"], { stdin: next }),
    );
    expect(denied).toMatchObject({ code: 1, err: expect.stringContaining("forbidden") });
  });

  test("create says what is wrong, list shows, delete ends", async () => {
    const create = ["user", "create", "zoe", "--email", "zoe@example.com"];
    for (const [args, words] of [
      [["user", "create"], "Expected one NAME"],
      [["user", "create", "Zoe"], 'NAME is "Zoe"'],
      [["user", "create", "zoe"], "Expected --email"],
      [create, "no terminal"],
    ] as const) {
      expect(await admin(args)).toMatchObject({ code: 2, err: expect.stringContaining(words) });
    }
    const weak = await admin([...create, "--password-stdin"], { stdin: "password\n" });
    expect([weak.code, weak.out]).toEqual([1, "user zoe created\n"]);
    expect(weak.err).toContain("has no password yet");
    expect((await admin(["user", "list"])).out).toMatch(
      /^zoe +zoe@example.com +<none> +<none> +enabled/m,
    );
    expect((await admin(["user", "delete", "zoe"])).out).toBe("user zoe deleted\n");
    expect((await admin(["user", "delete", "zoe"])).err).toContain("not found");
    expect((await admin([...create, "--no-password"])).code).toBe(0);
    await admin(["user", "delete", "zoe"]);
  });
});

// Last: pins of the old root are of no use afterwards.
test("a new root of the server reaches the kubeconfig with a renewal", async () => {
  aheadMs = 0; // else the new root would be of a time to come
  await login("ann");
  const file = path.join(home, ".kube", "config");
  const rotated = await admin(["ca", "rotate"]);
  expect(rotated.code, rotated.err).toBe(0);
  const before = await readFile(file, "utf8");
  const { path: state } = await kept();
  aheadMs += 16 * minuteMs;
  expect((await cli(["credential", "--login", state])).code).toBe(0);
  const after = await readFile(file, "utf8");
  const roots = (text: string): number => {
    const [, data = ""] = /certificate-authority-data: (\S+)/.exec(text) ?? [];
    return Buffer.from(data, "base64").toString().split("BEGIN CERTIFICATE").length - 1;
  };
  expect([roots(before), roots(after)]).toEqual([1, 2]);
  expect((await cli(["whoami"])).code).toBe(0);
});
