import { stringify } from "yaml";
import type { Revision } from "../../crds/types.gen.ts";
import { type Call, type Run, text, wholeNumber } from "../command.ts";
import { ageOf, formatTable } from "../output.ts";
import { revisionsOf } from "../revisions.ts";
import { getApplication } from "../rollout.ts";

function rows(call: Call, all: readonly Revision[], current: string | undefined): string[][] {
  return all.map(({ metadata, spec, status }) => [
    metadata.name === current ? `${spec.number}*` : String(spec.number),
    metadata.name,
    status?.phase ?? "Pending",
    spec.template.spec.containers.map(({ image }) => image).join(","),
    ageOf(call.io, metadata.creationTimestamp),
    spec.createdBy ?? "<none>",
    spec.changeCause ?? status?.message ?? "<none>",
  ]);
}

function print(call: Call, document: unknown): void {
  const json = text(call.flags, "output") === "json";
  call.io.out(
    json
      ? `${JSON.stringify(document, null, 2)}\n`
      : stringify(document, { version: "1.1", aliasDuplicateObjects: false }),
  );
}

/** `lighthouse rollout history`. */
export const runRolloutHistory: Run = async (call) => {
  const app = await getApplication(call);
  const all = await revisionsOf(call, app);
  const number = wholeNumber(call.flags, "revision");
  if (number !== undefined) {
    const one = all.find(({ spec }) => spec.number === number);
    if (one === undefined) {
      const kept = all.map(({ spec }) => spec.number).join(", ");
      throw new Error(
        `Application "${app.metadata.name}" has no Revision ${number}, kept are: ${kept || "none"}`,
      );
    }
    print(call, one);
    return 0;
  }
  const format = text(call.flags, "output");
  if (format === "json" || format === "yaml") {
    print(call, { apiVersion: "v1", kind: "List", items: all });
    return 0;
  }
  const title = ["REVISION", "NAME", "PHASE", "IMAGE", "AGE", "BY", "CAUSE"];
  call.io.out(formatTable([title, ...rows(call, all, app.status?.currentRevision)]));
  return 0;
};
