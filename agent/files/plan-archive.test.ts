import { expect, test } from "vitest";
import type { FileChange } from "../engine/file-types.ts";
import { planArchive, whiteout } from "./plan-archive.ts";

const change = (kind: FileChange["kind"], path: string): FileChange => ({ kind, path });

test("planArchive() takes added trees whole, and directories only for their own sake", () => {
  const plan = planArchive([
    change("changed", "/etc"),
    change("changed", "/etc/hosts"),
    change("added", "/data"),
    change("added", "/data/a"),
    change("added", "/data/a/b"),
    change("changed", "/tmp"),
    change("deleted", "/bin/vi"),
    change("changed", "/bin"),
  ]);
  expect(plan).toEqual({
    trees: ["/data"],
    singles: ["/etc/hosts", "/tmp"],
    deleted: ["/bin/vi"],
  });
});

test("whiteout() names a path that is gone as image layers do", () => {
  expect(["/bin/vi", "/x"].map(whiteout)).toEqual(["/bin/.wh.vi", "/.wh.x"]);
});
