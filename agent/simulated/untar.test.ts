import { expect, test } from "vitest";
import { tar, type TarEntry } from "../engine/tar.ts";
import { untar } from "./untar.ts";

test("untar() gives back what tar() packed, long names too", () => {
  const paths = ["a", `${"d".repeat(60)}/${"f".repeat(60)}`, "n".repeat(200), "ä/ü"];
  const entries = paths.map((path, index): TarEntry => ({
    type: "file",
    path,
    content: Buffer.alloc(index * 511, "x"),
  }));
  const files = untar(tar([{ type: "directory", path: "d" }, ...entries]));
  expect(files.map(({ path }) => path)).toEqual(paths);
  expect(files.map(({ content }) => content.length)).toEqual([0, 511, 1022, 1533]);
});
