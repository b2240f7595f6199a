import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { notFound } from "../../api/machinery/errors.ts";
import type { ContainerIo } from "../engine/engine.ts";
import type { FileChange } from "../engine/file-types.ts";
import { tar } from "../engine/tar.ts";
import { archiveChanges } from "./archive.ts";
import { readTar } from "./read-tar.ts";

const signal = AbortSignal.timeout(10_000);

/** A container with these changes; archives hold a file of the asked name, other paths are gone. */
function changing(changes: readonly FileChange[], present: readonly string[]): ContainerIo {
  const io: Pick<ContainerIo, "changes" | "statPath" | "getArchive"> = {
    changes: async () => changes,
    statPath: async (_id, path) =>
      path.endsWith(".d")
        ? { type: "directory", size: 0, mode: 0o700 }
        : { type: "file", size: 1, mode: 0o644 },
    async getArchive(id, path) {
      if (!present.includes(path)) throw notFound({ group: "", plural: "containers" }, id);
      const name = path.slice(path.lastIndexOf("/") + 1);
      return Readable.from([tar([{ type: "file", path: name, content: Buffer.from("x") }])]);
    },
  };
  return io as ContainerIo; // it is asked for nothing else
}

async function namesIn(io: ContainerIo): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { header, content } of readTar(archiveChanges({ io, id: "c", signal }))) {
    names.push(header.name);
    content.resume();
  }
  return names;
}

test("archiveChanges() ends after files, directories, what is gone and what went away", async () => {
  const changes: readonly FileChange[] = [
    { path: "/etc/conf", kind: "changed" },
    { path: "/etc/only.d", kind: "changed" },
    { path: "/tmp/gone", kind: "added" },
    { path: "/usr/bin/vi", kind: "deleted" },
    { path: "/usr/bin/wc", kind: "deleted" },
  ];
  const names = await namesIn(changing(changes, ["/etc/conf"]));
  expect(names).toEqual(["etc/conf", "etc/only.d/", "usr/bin/.wh.vi", "usr/bin/.wh.wc"]);
});

test("archiveChanges() refuses more paths than it can ask for", async () => {
  const changes = Array.from({ length: 10_001 }, (_, index): FileChange => ({
    path: `/tmp/f${index}`,
    kind: "added",
  }));
  await expect(namesIn(changing(changes, []))).rejects.toThrow("10001 paths, limit 10000");
});
