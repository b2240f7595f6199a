import { applications } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";
import type { Application, Revision } from "../../crds/types.gen.ts";
import { type Run, wholeNumber } from "../command.ts";
import { revisionsOf } from "../revisions.ts";
import { getApplication } from "../rollout.ts";

/**
 * Which Revision an undo brings back: the asked-for one, else the newest good one before the one
 * that runs. Relative to what runs, not to the spec: after a rollback the spec still names the
 * version that failed, and undoing it means what runs now.
 * @throws Error that lists what is kept.
 */
export function undoTarget(
  app: Application,
  all: readonly Revision[],
  number: number | undefined,
): Revision {
  const { name } = app.metadata;
  const kept = all.map(({ spec }) => spec.number).join(", ") || "none";
  if (number !== undefined) {
    const asked = all.find(({ spec }) => spec.number === number);
    if (asked === undefined) {
      throw new Error(`Application "${name}" has no Revision ${number}, kept are: ${kept}`);
    }
    return asked;
  }
  const running = all.find(({ metadata }) => metadata.name === app.status?.currentRevision);
  const failed = app.status?.targetRevision !== app.status?.currentRevision;
  if (running !== undefined && failed) return running;
  const before = all.filter(
    ({ spec, status }) =>
      spec.number < (running?.spec.number ?? Number.POSITIVE_INFINITY) &&
      status?.outcome === "Completed",
  );
  const target = before.at(-1);
  if (target === undefined) {
    throw new Error(
      `Application "${name}" has no good Revision before the one that runs, kept are: ${kept}`,
    );
  }
  return target;
}

/** `lighthouse rollout undo`. */
export const runRolloutUndo: Run = async (call) => {
  const app = await getApplication(call);
  const { name, namespace } = app.metadata;
  const all = await revisionsOf(call, app);
  const target = undoTarget(app, all, wholeNumber(call.flags, "to-revision"));
  const to = `Revision ${target.spec.number} (${target.metadata.name})`;
  const inSpec = JSON.stringify(app.spec.template) === JSON.stringify(target.spec.template);
  if (inSpec) {
    call.io.out(`application/${name} already asks for ${to}\n`);
    return 0;
  }
  if (call.flags["dry-run"] === true) {
    call.io.out(`application/${name} would go back to ${to} (dry run)\n`);
    return 0;
  }
  const { client } = await call.connect();
  // A JSON patch replaces the template as a whole; a merge would keep fields that only the new one has.
  const body = [
    { op: "test", path: "/metadata/resourceVersion", value: app.metadata.resourceVersion },
    { op: "replace", path: "/spec/template", value: target.spec.template },
    ...(app.metadata.annotations === undefined
      ? [{ op: "add", path: "/metadata/annotations", value: {} }]
      : []),
    {
      op: "add",
      path: `/metadata/annotations/${annotation.rollbackTo.replaceAll("/", "~1")}`,
      value: String(target.spec.number),
    },
  ];
  const key = namespace === undefined ? { name } : { namespace, name };
  await client.patch(applications, key, { type: "json", body });
  call.io.out(`application/${name} goes back to ${to}\n`);
  return 0;
};
