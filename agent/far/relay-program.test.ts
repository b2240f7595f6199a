import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { elf } from "../../test/kit/elf.ts";
import { readRelayImage, staticArch } from "./relay-program.ts";

test("staticArch() knows the processor of a program that needs no other file", () => {
  expect(staticArch(elf(62, 1))).toBe("amd64");
  expect(staticArch(elf(183, 1))).toBe("arm64");
  expect(staticArch(elf(62, 3))).toBeUndefined(); // dynamic
  expect(staticArch(elf(2, 1))).toBeUndefined(); // a SPARC
  expect(staticArch(Buffer.from("#!/bin/sh\n"))).toBeUndefined();
  expect(staticArch(elf(62, 1).subarray(0, 66))).toBeUndefined();
});

test("readRelayImage() names an image by its contents", async () => {
  const dir = await mkdtemp(join(tmpdir(), "lh-relay-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const [one, same, other] = ["one", "same", "other"].map((name) => join(dir, name));
  await writeFile(one ?? "", elf(62));
  await writeFile(same ?? "", elf(62));
  await writeFile(other ?? "", elf(183));
  const image = await readRelayImage(one ?? "");
  expect(image.reference).toMatch(/^lighthouse\.dev\/relay:[0-9a-f]{16}$/);
  expect((await readRelayImage(same ?? "")).reference).toBe(image.reference);
  expect((await readRelayImage(other ?? "")).reference).not.toBe(image.reference);
  expect(image.arch).toBe("amd64");
});

test("readRelayImage() refuses what would not run alone", async () => {
  await expect(readRelayImage(process.execPath)).rejects.toThrow("it is no static program");
  await expect(readRelayImage("/nowhere")).rejects.toThrow("/nowhere");
});
