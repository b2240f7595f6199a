import { expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";
import { addPerson, asMaster, goodPassword, logIn, usersPath } from "../../../test/kit/people.ts";
import { memoryStore } from "../../store/memory.ts";
import { prefixOf } from "./collections.ts";

type App = Awaited<ReturnType<typeof openTestApp>>;

async function tryFrom(
  app: App,
  address: string,
  { email = "ann", password = "wrong-wrong-wrong" } = {},
) {
  const { statusCode, headers } = await app.app.inject({
    method: "POST",
    url: "/auth/login",
    remoteAddress: address,
    headers: { "content-type": "application/json" },
    payload: JSON.stringify({ email, password }),
  });
  return { code: statusCode, after: headers["retry-after"] };
}

async function exhaust(app: App, address: string): Promise<void> {
  for (let i = 0; i < 10; i++) expect((await tryFrom(app, address)).code).toBe(401);
  expect(await tryFrom(app, address)).toEqual({ code: 429, after: "30" });
}

test("guessing one account's password from many places is throttled as from one", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  for (let i = 0; i < 10; i++) {
    expect((await tryFrom(app, `10.0.0.${i}`)).code).toBe(401);
  }
  expect((await tryFrom(app, "10.0.0.99")).code).toBe(429);
  await app.clock.advance(30_000);
  expect((await tryFrom(app, "10.0.0.99", { password: goodPassword })).code).toBe(200);
});

test("where one is logged in already nobody else uses up the tries", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  await logIn(app, "ann"); // from 127.0.0.1
  await exhaust(app, "10.0.0.1");
  expect((await tryFrom(app, "127.0.0.1", { password: goodPassword })).code).toBe(200);
});

test("an address that tries many names is throttled, its /64 with it", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  for (let i = 0; i < 100; i++) {
    const { code } = await tryFrom(app, `2001:db8:0:7::${i.toString(16)}`, { email: `user-${i}` });
    expect(code).toBe(401);
  }
  expect((await tryFrom(app, "2001:db8:0:7:ffff::1", { email: "user-x" })).code).toBe(429);
  expect((await tryFrom(app, "2001:db8:0:8::1", { email: "user-x" })).code).toBe(401);
});

test("right passwords cost no tries", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  for (let i = 0; i < 30; i++) await logIn(app, "ann");
  const atOnce = Array.from({ length: 10 }, () => logIn(app, "ann"));
  expect(await Promise.all(atOnce)).toHaveLength(10);
});

test("a name that nobody has is throttled like any other", async () => {
  await using app = await openTestApp({ guarded: true });
  const codes: number[] = [];
  for (let i = 0; i < 11; i++) codes.push((await tryFrom(app, "10.0.0.1", { email: "no" })).code);
  expect(codes).toEqual([...Array<number>(10).fill(401), 429]);
});

test("whoever guesses from the same address ends nobody's session", async () => {
  await using app = await openTestApp({ guarded: true });
  await addPerson(app, "ann");
  const { refreshToken } = await logIn(app, "ann");
  for (let i = 0; i < 101; i++) await tryFrom(app, "127.0.0.1", { email: `user-${i}` });
  expect((await tryFrom(app, "127.0.0.1", { password: goodPassword })).code).toBe(429);
  expect((await app.send("POST", "/auth/refresh", { refreshToken })).code).toBe(200);
});

test("a login that meets a new password opens nothing", async () => {
  await using store = memoryStore();
  let meanwhile: (() => Promise<unknown>) | undefined;
  const racing = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (name !== "put")
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      return async (...[key, text, expected]: Parameters<typeof store.put>) => {
        const happens = key.startsWith(prefixOf.sessionSecrets) ? meanwhile : undefined;
        meanwhile = happens === undefined ? meanwhile : undefined;
        await happens?.();
        return store.put(key, text, expected);
      };
    },
  });
  await using app = await openTestApp({ guarded: true, store: racing });
  await addPerson(app, "ann");
  const body = { password: "another-lamp-at-sea-7" };
  let code = 0;
  // Its password was right, its session is not there yet to be ended.
  meanwhile = async () => {
    ({ code } = await app.send("PUT", `${usersPath}/ann/password`, body, asMaster));
  };
  expect((await tryFrom(app, "10.0.0.1", { password: goodPassword })).code).toBe(401);
  expect(code).toBe(200);
  expect((await store.list({ prefix: prefixOf.sessions })).entries).toEqual([]);
  expect((await tryFrom(app, "10.0.0.1", body)).code).toBe(200);
});
