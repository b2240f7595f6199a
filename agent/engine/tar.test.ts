import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { tar, type TarEntry } from "./tar.ts";

const list = (archive: Buffer): string[] =>
  execFileSync("tar", ["-tvf", "-"], { input: archive, env: { TZ: "UTC", LC_ALL: "C" } })
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/ +/g, " "));

const file = (path: string, content = "x"): TarEntry => ({
  type: "file",
  path,
  content: Buffer.from(content),
});

test("tar() is read by tar", () => {
  const archive = tar([
    { type: "directory", path: "/etc/app" },
    { ...file("/etc/app/run", "hello"), mode: 0o750, uid: 7, gid: 8 } as TarEntry,
    { type: "symlink", path: "bin/sh", target: "busybox" },
  ]);
  expect(list(archive)).toEqual([
    "drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/app/",
    "-rwxr-x--- 7/8 5 1970-01-01 00:00 etc/app/run",
    "lrwxrwxrwx 0/0 0 1970-01-01 00:00 bin/sh -> busybox",
  ]);
});

test.each([
  ["101 bytes with a slash, by prefix", `${"d".repeat(60)}/${"f".repeat(60)}`],
  ["a name beyond 100 bytes, by pax", "f".repeat(200)],
  ["300 bytes, by pax", `${"d".repeat(150)}/${"e".repeat(150)}/f`],
  ["characters beyond ASCII, by pax", `${"ä".repeat(90)}/ü`],
])("tar() keeps %s", (_why, path) => {
  const names = execFileSync("tar", ["-tf", "-", "--quoting-style=literal"], {
    input: tar([file(path), file("after")]),
    env: { LC_ALL: "C.UTF-8" },
  });
  expect(names.toString()).toBe(`${path}\nafter\n`);
});

test("tar() gives the same bytes for the same entries", () => {
  expect(tar([file("a"), file("b")])).toEqual(tar([file("a"), file("b")]));
});
