import { expect, test } from "vitest";
import { isSealed, seal, sealedWith, SealError, unseal } from "./envelope.ts";
import { newEncryptionKey } from "./key-ring.ts";

const key = newEncryptionKey(0);
const ring = { keys: [key] };
const name = "/registry/core/secrets/shop/db";
const value = Buffer.from("canary".repeat(8));

test("unseal() gives back what was sealed, nothing included", () => {
  for (const one of [value, Buffer.alloc(0), Buffer.alloc(1 << 20, 7)]) {
    const sealed = seal(key, name, one);
    expect(isSealed(sealed)).toBe(true);
    expect(sealedWith(sealed)).toBe(key.id);
    expect(unseal(ring, name, sealed).equals(one)).toBe(true);
  }
});

test("seal() makes no two values alike, though they are", () => {
  const all = Array.from({ length: 20 }, () => seal(key, name, value).toString("latin1"));
  expect(new Set(all).size).toBe(20);
  expect(new Set(all.map((one) => one.slice(75, 87))).size, "nonces").toBe(20);
  const other = seal(newEncryptionKey(0), name, value).toString("latin1");
  expect(all[0]?.slice(35, 75), "data keys").not.toBe(other.slice(35, 75));
  expect(all.join("")).not.toContain("canary");
});

test("unseal() opens nothing of which one bit was changed, and nothing that was cut", () => {
  const sealed = seal(key, name, value);
  const opened: number[] = [];
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    // Without our first word it is a plain value, which the store takes for JSON.
    if (!isSealed(changed)) continue;
    try {
      unseal(ring, name, changed);
      opened.push(bit);
    } catch (err) {
      if (!(err instanceof SealError)) throw err;
    }
  }
  expect(opened).toEqual([]);
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => unseal(ring, name, sealed.subarray(0, length))).toThrow(SealError);
  }
});

test.each(["/registry/core/secrets/thief/db", `${name}2`, ""])(
  "unseal() opens it for no other key: %j",
  (other) => {
    expect(() => unseal(ring, other, seal(key, name, value))).toThrow("it is damaged");
  },
);

test("unseal() says which key is missing", () => {
  const other = newEncryptionKey(0);
  expect(() => unseal(ring, name, seal(other, name, value))).toThrow(`with the key ${other.id}`);
});

test.each(["{}", "", "l", "lighthouse", '{"a":"lighthouse:enc:v1:"}'])(
  "isSealed() %j is plain",
  (text) => {
    expect(isSealed(Buffer.from(text))).toBe(false);
  },
);
