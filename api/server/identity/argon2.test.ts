import { expect, test } from "vitest";
import { currentCost, hashPassword, isOutdated, isPassword } from "./argon2.ts";

const cheap = { memoryKiB: 8, passes: 1, lanes: 1 };

test("hashPassword() writes salt and parameters, another salt each time", async () => {
  const [one, two] = [await hashPassword("harbour"), await hashPassword("harbour")];
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(one).not.toBe(two);
  expect(await isPassword("harbour", one)).toBe(true);
  expect(await isPassword("Harbour", one)).toBe(false);
});

test("isPassword() reads what the reference implementation wrote", async () => {
  // phc-winner-argon2, test.c: version 0x13, t=2, m=16, p=1, "password", "somesalt".
  const text =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
  expect(await isPassword("password", text)).toBe(true);
  expect(await isPassword("passwore", text)).toBe(false);
});

test("one letter in two forms of Unicode is one letter", async () => {
  expect(await isPassword("Ångström", await hashPassword("A\u030Angstro\u0308m", cheap))).toBe(
    true,
  );
});

test.each([
  "",
  "harbour",
  "$2b$10$abcdefghijklmnopqrstuv",
  "$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  "$argon2id$v=19$m=9999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  "$argon2id$v=19$m=8,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
  "$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
])("no password fits %j, and it is made anew", async (stored) => {
  expect(await isPassword("harbour", stored)).toBe(false);
  expect(isOutdated(stored)).toBe(true);
});

test("isOutdated() is about what is cheaper than new hashes", async () => {
  expect(isOutdated(await hashPassword("harbour", cheap))).toBe(true);
  expect(isOutdated(await hashPassword("harbour", cheap), cheap)).toBe(false);
  expect(isOutdated(await hashPassword("harbour"), cheap)).toBe(false);
  expect(currentCost).toEqual({ memoryKiB: 19_456, passes: 2, lanes: 1 });
});
