import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCli } from "../../test/kit/cli.ts";

const nowMs = Date.UTC(2026, 10, 21, 12);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lighthouse-credential-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A login that ends so many seconds from now, at a server that is not there. */
async function keep(name: string, leftSeconds: number, more: object = {}): Promise<string> {
  const path = join(folder, `${name}.json`);
  const state = {
    version: 1,
    server: "https://127.0.0.1:1",
    context: "prod",
    user: "ann",
    token: "lhs_a_b",
    expiresMs: nowMs + leftSeconds * 1_000,
    renewal: { kind: "session", refresh: "lhr_a_b" },
    ...more,
  };
  await writeFile(path, JSON.stringify(state));
  return path;
}

const ask = (path: string, env: Readonly<Record<string, string>> = {}) =>
  runCli(["credential", "--login", path, "--server", "https://prod"], { env, nowMs: () => nowMs });

const want = (version: string, expirationTimestamp: string) => ({
  apiVersion: `client.authentication.k8s.io/${version}`,
  kind: "ExecCredential",
  status: { token: "lhs_a_b", expirationTimestamp },
});

test("credential prints a token that is fresh, without asking anybody", async () => {
  const { out, err } = await ask(await keep("fresh", 600));
  expect([JSON.parse(out), err]).toEqual([want("v1", "2026-11-21T12:10:00Z"), ""]);
});

test.each([
  ["v1beta1", "v1beta1"],
  ["v1", "v1"],
  ["v9", "v1"],
])("credential asked in %s answers in %s", async (asked, version) => {
  const info = { apiVersion: `client.authentication.k8s.io/${asked}`, kind: "ExecCredential" };
  const { out } = await ask(await keep("asked", 600), {
    KUBERNETES_EXEC_INFO: JSON.stringify(info),
  });
  expect(JSON.parse(out)).toEqual(want(version, "2026-11-21T12:10:00Z"));
});

test("credential uses what is left of a token when the server is away", async () => {
  const { code, out } = await ask(await keep("late", 30));
  expect([code, JSON.parse(out)]).toEqual([0, want("v1", "2026-11-21T12:00:30Z")]);
  const over = await ask(await keep("over", -1));
  expect([over.code, over.out]).toEqual([1, ""]);
  expect(over.err).toMatch(/Cannot reach the API server at https:\/\/127\.0\.0\.1:1/);
});

test.each([
  [
    "a login that ended",
    { renewal: { kind: "oidc", issuer: "https://i", clientId: "a" } },
    /The login of ann .* run "lighthouse login https:\/\/127.0.0.1:1 --context prod"/,
  ],
  ["another version", { version: 2 }, /it holds no login/],
  ["no token", { token: 7 }, /it holds no login/],
])("credential of %s says what to do, and shows no token", async (_what, more, words) => {
  const { code, out, err } = await ask(await keep("bad", -1, more));
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(words);
  expect(err).not.toContain("lhs_");
});

test("credential names the server when there is no login, and wants a file", async () => {
  const { err } = await ask(join(folder, "none.json"));
  expect(err).toContain('run "lighthouse login https://prod"');
  expect((await runCli(["credential"])).code).toBe(2);
});
