import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { asMaster, userOf, usersPath } from "../../../test/kit/people.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "lighthouse-setup-"));
  path = join(folder, "setup-link");
});
afterEach(() => rm(folder, { recursive: true }));

const page = "https://127.0.0.1:6443/auth/setup";
const dayMs = 24 * 3_600_000;
const person = { name: "ann", email: "ann@example.com", password: "wet-harbour-lamp-42" };

const setUp = async ({ send }: TestApp, link = ""): Promise<number> => {
  const token = new URL(link).hash.slice(1);
  return (await send("POST", "/auth/setup", { token, ...person })).code;
};

test("a link is the same after a restart, as long as it is good", async () => {
  await using app = await openTestApp({ guarded: true });
  const offer = () => app.identity.offerSetup({ path, page, shared: false });
  const first = await offer();
  expect(first).toMatch(/^https:\/\/127\.0\.0\.1:6443\/auth\/setup#[A-Za-z0-9_-]{43}$/);
  expect(await readFile(path, "utf8")).toBe(`${first}\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await offer()).toBe(first);
  await app.clock.advance(dayMs);
  expect(await setUp(app, first)).toBe(410);
  expect((await app.send("GET", "/auth/setup")).code).toBe(410);
  const second = await offer();
  expect(second).not.toBe(first);
  expect(await setUp(app, first)).toBe(403);
  expect(await setUp(app, second)).toBe(201);
  await expect(stat(path)).rejects.toThrow("ENOENT");
  expect(await setUp(app, second)).toBe(410);
  expect(await offer()).toBeUndefined();
});

test("servers of one store show one link; one alone replaces what it has lost", async () => {
  await using app = await openTestApp({ guarded: true });
  const first = await app.identity.offerSetup({ path, page, shared: true });
  const other = { path: join(folder, "other"), page, shared: true };
  expect(await app.identity.offerSetup(other)).toBeUndefined();
  expect(await app.identity.offerSetup({ path, page, shared: true })).toBe(first);
  const lost = { path: join(folder, "third"), page, shared: false };
  const second = await app.identity.offerSetup(lost);
  expect(second).toBeDefined();
  expect(await setUp(app, first)).toBe(403);
});

test("after a restart at another address the file has the link of that address", async () => {
  await using app = await openTestApp({ guarded: true });
  const first = await app.identity.offerSetup({ path, page, shared: false });
  const moved = { path, page: "https://10.0.0.1/auth/setup", shared: false };
  const second = await app.identity.offerSetup(moved);
  expect(second).toBe(first?.replace(page, moved.page));
  expect(await readFile(path, "utf8")).toBe(`${second}\n`);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
});

test("as soon as there is any user the link is worth nothing", async () => {
  await using app = await openTestApp({ guarded: true });
  const token = await app.identity.offerSetup({ path, page, shared: false });
  await app.send("POST", usersPath, userOf("bob", { email: "bob@example.com" }), asMaster);
  expect(await setUp(app, token)).toBe(410);
  expect((await app.send("GET", "/auth/setup")).code).toBe(410);
});

test("the first user may do everything, and is a User like any other", async () => {
  await using app = await openTestApp({ guarded: true });
  const token = await app.identity.offerSetup({ path, page, shared: false });
  expect(await setUp(app, token)).toBe(201);
  const { email, password } = person;
  const login = await app.send("POST", "/auth/login", { email, password });
  const headers = { authorization: `Bearer ${String(login.body["accessToken"])}` };
  expect((await app.send("GET", "/api/v1/secrets", undefined, { headers })).code).toBe(200);
  const shown = await app.send("GET", `${usersPath}/ann`, undefined, asMaster);
  expect(shown.body).toMatchObject({
    spec: { email, disabled: false },
    metadata: { generation: 1 },
  });
});
