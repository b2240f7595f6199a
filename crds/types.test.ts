import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import type { DraftCondition } from "../api/machinery/conditions.ts";
import type { KubeObject, ObjectMeta } from "../api/machinery/object.ts";
import type * as crds from "./types.gen.ts";

test("generated types fit those of the machinery", () => {
  // The compiler is the test: a difference in either direction does not compile.
  const toOurs = (meta: ObjectMeta): crds.ObjectMeta => meta;
  const toTheirs = (meta: crds.ObjectMeta): ObjectMeta => meta;
  const asObject = (kind: crds.Application | crds.Revision | crds.Beacon): KubeObject => kind;
  const asDraft = (condition: crds.Condition): DraftCondition => condition;
  for (const convert of [toOurs, toTheirs, asObject, asDraft])
    expect(convert).toBeTypeOf("function");
});

test("generated files are those that the YAML gives", async () => {
  const script = path.join(import.meta.dirname, "..", "hack", "update-types.ts");
  await expect(promisify(execFile)(process.execPath, [script, "--check"])).resolves.toMatchObject({
    stderr: "",
  });
});
