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
