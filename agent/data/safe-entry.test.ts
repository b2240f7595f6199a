import { expect, test } from "vitest";
import { safeEntry } from "./safe-entry.ts";

const none: ReadonlySet<string> = new Set();
const file = (name: string) => ({ name, type: "file" });
const link = (name: string, linkname: string) => ({ name, type: "symlink", linkname });

test.each([
  [file("a/b.txt"), { path: "a/b.txt", type: "file" }],
  [file("./a//b.txt"), { path: "a/b.txt", type: "file" }],
  [
    { name: "a/", type: "directory" },
    { path: "a", type: "directory" },
  ],
  [link("a/b", "../c"), { path: "a/b", type: "symlink", target: "../c" }],
  [{ name: "./", type: "directory" }, undefined],
])("safeEntry(%o) is %o", (entry, want) => {
  expect(safeEntry(entry, none)).toEqual(want);
});

test.each([
  ["an absolute path", file("/etc/passwd"), "leads out of its directory"],
  ["a parent", file("a/../../etc/passwd"), "leads out of its directory"],
  ["a parent that comes back", file("a/../b"), "leads out of its directory"],
  ["a path of another system", file("..\\evil"), "leads out of its directory"],
  ["a zero byte", file("a\0b"), "leads out of its directory"],
  ["an absolute link", link("a", "/etc"), 'leads out of its directory, to "/etc"'],
  ["a link to a parent", link("a/b", "../../etc"), "leads out of its directory"],
  ["a link that comes back behind another one", link("x", "a/b/s/../../.."), "leads out of its"],
  ["a link to nowhere", link("a", ""), "leads out of its directory"],
  ["a hard link", { name: "a", type: "link", linkname: "b" }, "is a link; only files"],
  ["a device", { name: "a", type: "block-device" }, "is a block-device; only files"],
])("safeEntry() refuses %s", (_what, entry, why) => {
  expect(safeEntry(entry, none)).toContain(why);
});

test("safeEntry() writes through no link", () => {
  const links = new Set(["in"]);
  expect(safeEntry(file("in/file"), links)).toContain("is written through a link");
  expect(safeEntry(file("in"), links)).toContain("is written through a link");
  expect(safeEntry(file("inn"), links)).toEqual({ path: "inn", type: "file" });
});
