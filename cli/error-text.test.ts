import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { errorText } from "./error-text.ts";

const caught = async (doing: Promise<unknown>): Promise<unknown> =>
  doing.then(
    () => undefined,
    (err: unknown) => err,
  );

test("errors of files say what cannot be done, with which file, and why", async () => {
  expect(errorText(await caught(readFile("/no/such/file")))).toBe(
    "Cannot open /no/such/file: no such file or directory",
  );
  expect(errorText(await caught(readdir("/no/such/folder")))).toBe(
    "Cannot read /no/such/folder: no such file or directory",
  );
});

test("what an error of ours says is not said twice", () => {
  const echo = "ENOENT: no such file or directory, open '/etc/a.pem'";
  expect(errorText(new Error(`Cannot use /etc/a.pem: ${echo}`))).toBe(
    "Cannot use /etc/a.pem: no such file or directory",
  );
  expect(errorText(new Error(`Cannot use b: ${echo}`))).toBe(`Cannot use b: ${echo}`);
});

test("all other errors say what they say", () => {
  expect(errorText(new Error("Cannot do it"))).toBe("Cannot do it");
  expect(errorText("as it is")).toBe("as it is");
});
