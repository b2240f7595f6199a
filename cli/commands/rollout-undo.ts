import { equalJson } from "../../api/machinery/equality.ts";
import { annotation } from "../../crds/labels.ts";
import type { Application, Revision } from "../../crds/types.gen.ts";
import { wholeNumber } from "../command.ts";
import { imagesOf, revisionOfNumber, revisionsOf, runningOf } from "../revisions.ts";
import { getApplication } from "../rollout.ts";
import { ordering, patchApplication, warnOfGitOps } from "../rollout-order.ts";
import { templateDiff } from "../template-diff.ts";

/** The number under which a template was new: an undo gives an old one another number. */
function originOf(revision: Revision, all: readonly Revision[]): number {
  const { number, rollbackTo } = revision.spec;
  if (rollbackTo === undefined || rollbackTo >= number) return number;
  const earlier = all.find(({ spec }) => spec.number === rollbackTo);
  return earlier === undefined ? rollbackTo : originOf(earlier, all);
}

/**
 * Which Revision an undo brings back: the asked-for one, else the newest good one before the one
 * that runs. Relative to what runs, not to the spec: after a rollback the spec still names the
 * version that failed, and undoing it means what runs now. What an undo brought back counts where it
 * was new, so that a second undo goes on to the version before.
 * @throws Error that lists what is kept.
 */
export function undoTarget(
  app: Application,
  all: readonly Revision[],
  number: number | undefined,
): Revision {
  const { name } = app.metadata;
  if (number !== undefined) return revisionOfNumber(app, all, number);
  const running = runningOf(app, all);
  const failed = app.status?.targetRevision !== app.status?.currentRevision;
  if (running !== undefined && failed) return running;
  const origin = running === undefined ? Number.POSITIVE_INFINITY : originOf(running, all);
  const before = all.filter(
    ({ spec, status }) => spec.number < origin && status?.outcome === "Completed",
  );
  const target = before.at(-1);
  if (target === undefined) {
    const kept = all.map(({ spec }) => spec.number).join(", ") || "none";
    throw new Error(
      `Application "${name}" has no good Revision before the one that runs, kept are: ${kept}; name one with --to-revision`,
    );
  }
  return target;
}

const pointerTo = (name: string): string =>
  `/metadata/annotations/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;

/** The cause goes back with the template: what is asked for now is not the release that is undone. */
function causePatch({ metadata }: Application, { spec }: Revision): readonly object[] {
  const path = pointerTo(annotation.changeCause);
  if (spec.changeCause !== undefined) return [{ op: "add", path, value: spec.changeCause }];
  const isSet = metadata.annotations?.[annotation.changeCause] !== undefined;
  return isSet ? [{ op: "remove", path }] : [];
}

function undoPatch(app: Application, target: Revision): readonly object[] {
  const { resourceVersion, annotations } = app.metadata;
  // A JSON patch replaces the template as a whole; a merge would keep fields that only the new one has.
  return [
    { op: "test", path: "/metadata/resourceVersion", value: resourceVersion },
    { op: "replace", path: "/spec/template", value: target.spec.template },
    ...(annotations === undefined ? [{ op: "add", path: "/metadata/annotations", value: {} }] : []),
    { op: "add", path: pointerTo(annotation.rollbackTo), value: String(target.spec.number) },
    ...causePatch(app, target),
  ];
}

/** `lighthouse rollout undo`. */
export const runRolloutUndo = ordering(async (call) => {
  const app = await getApplication(call);
  const all = await revisionsOf(call, app);
  const target = undoTarget(app, all, wholeNumber(call.flags, "to-revision"));
  const to = `Revision ${target.spec.number} (${target.metadata.name}, ${imagesOf(target).join(", ")})`;
  if (equalJson(app.spec.template, target.spec.template)) {
    return { app, said: `already asks for ${to}` };
  }
  if (call.flags["dry-run"] === true) {
    const after = { title: target.metadata.name, template: target.spec.template };
    const diff = templateDiff(call.io, { title: "now", template: app.spec.template }, after);
    return { app, said: `would go back to ${to} (dry run)\n${diff.trimEnd()}`, waits: false };
  }
  warnOfGitOps(call, app, ["template"]);
  const patched = await patchApplication(call, app, { type: "json", body: undoPatch(app, target) });
  return { app: patched, said: `goes back to ${to}` };
});
