import { revisions } from "../api/machinery/resources.ts";
import { label } from "../crds/labels.ts";
import type { Application, Revision } from "../crds/types.gen.ts";
import type { Call } from "./command.ts";

/** All Revisions of an Application that are kept, oldest first. */
export async function revisionsOf(call: Call, app: Application): Promise<readonly Revision[]> {
  const { client, namespace } = await call.connect();
  const labelSelector = `${label.application}=${app.metadata.name}`;
  const { items } = await client.list(revisions, { namespace, labelSelector }, call.signal);
  return items
    .filter(({ spec }) => spec.application.uid === app.metadata.uid)
    .toSorted((a, b) => a.spec.number - b.spec.number);
}

/** The Revision of this number. @throws Error that lists what is kept */
export function revisionOfNumber(
  app: Application,
  all: readonly Revision[],
  number: number,
): Revision {
  const found = all.find(({ spec }) => spec.number === number);
  if (found !== undefined) return found;
  const kept = all.map(({ spec }) => spec.number).join(", ") || "none";
  throw new Error(
    `Application "${app.metadata.name}" has no Revision ${number}, kept are: ${kept}`,
  );
}

/** Images of a Revision's containers, as asked for. */
export function imagesOf({ spec }: Revision): readonly string[] {
  return spec.template.spec.containers.map(({ image }) => image);
}

/** The Revision that the slots run; `undefined` before one is good. */
export function runningOf(app: Application, all: readonly Revision[]): Revision | undefined {
  return all.find(({ metadata }) => metadata.name === app.status?.currentRevision);
}
