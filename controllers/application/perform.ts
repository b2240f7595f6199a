import type { Client } from "../../api/client/client.ts";
import { conflict, isAlreadyExists, isConflict, isNotFound } from "../../api/machinery/errors.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";
import { isControlledBy } from "../../api/machinery/owner.ts";
import { pods, revisions } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { annotation } from "../../crds/labels.ts";
import type { RevisionStatus } from "../../crds/types.gen.ts";
import { podOf, revisionOf } from "./manifest.ts";
import type { Subject } from "./observe.ts";
import type { Mark, Order, Step } from "./step.ts";

type Creation<Kind extends Step["kind"]> = Extract<Step, { kind: Kind }>;

const keyIn = ({ application }: Subject, name: string): ObjectKey => {
  const { namespace } = application.metadata;
  return { ...(namespace === undefined ? {} : { namespace }), name };
};

/** How a conflict begins that no retry mends: somebody else has the name of what is to be made. */
export const nameTaken = "the name is taken";

/** Absence is what was wanted, or will be seen. */
async function unlessGone(act: Promise<unknown>): Promise<void> {
  await act.catch((err: unknown) => {
    if (!isNotFound(err)) throw err;
  });
}

async function createRevision(
  client: Client,
  subject: Subject,
  step: Creation<"createRevision">,
): Promise<void> {
  const { application } = subject;
  await client.create(revisions, revisionOf(step, application)).catch(async (err: unknown) => {
    if (!isAlreadyExists(err)) throw err;
    const found = await client.get(revisions, keyIn(subject, step.name));
    const isOurs = found !== undefined && isControlledBy(found, application.metadata.uid);
    if (isOurs && found.spec.templateHash === step.hash) return;
    const why = `${nameTaken} by a Revision of another template or Application`;
    throw conflict(revisions, step.name, why);
  });
}

async function createPod(
  client: Client,
  subject: Subject,
  step: Creation<"createPod">,
): Promise<void> {
  const { application, templates } = subject;
  const template = templates.get(step.revision);
  if (template === undefined) {
    throw conflict(
      revisions,
      step.revision,
      `it is needed for pod "${step.name}" and is not there`,
    );
  }
  await client.create(pods, podOf(step, template, application)).catch(async (err: unknown) => {
    if (!isAlreadyExists(err)) throw err;
    const found = await client.get(pods, keyIn(subject, step.name));
    if (found === undefined || isControlledBy(found, application.metadata.uid)) return;
    throw conflict(pods, step.name, `${nameTaken} by a pod of somebody else`);
  });
}

/** The wire form of a mark; `null` removes what is no longer so. */
function statusOf(mark: Mark): Readonly<Partial<Record<keyof RevisionStatus, unknown>>> {
  const { phase, outcome, reason, message, startedAtMs, completedAtMs, images } = mark;
  const time = (ms: number | undefined): string | null =>
    ms === undefined ? null : formatTime(ms);
  return {
    observedGeneration: 1,
    phase,
    outcome: outcome ?? null,
    reason: reason ?? null,
    message: message ?? null,
    startedAt: time(startedAtMs),
    completedAt: time(completedAtMs),
    images: images.length === 0 ? null : images,
  };
}

/** Operations on the annotations of a pod, guarded by the state that the order rests on. */
function operationsOf({ uid, from, to, replaces }: Order): readonly unknown[] {
  const path = (name: string): string => `/metadata/annotations/${name.replace("/", "~1")}`;
  const desired = path(annotation.desiredState);
  return [
    { op: "test", path: "/metadata/uid", value: uid },
    // An absent annotation means Running and cannot be tested for.
    ...(from === "Running" ? [] : [{ op: "test", path: desired, value: from }]),
    { op: "add", path: desired, value: to },
    ...(to === "Running"
      ? [{ op: "add", path: path(annotation.replaces), value: replaces ?? "" }]
      : []),
  ];
}

async function obey(client: Client, subject: Subject, orders: readonly Order[]): Promise<void> {
  for (const order of orders) {
    const body = operationsOf(order);
    await unlessGone(client.patch(pods, keyIn(subject, order.pod), { type: "json", body }));
  }
}

async function deletePod(
  client: Client,
  subject: Subject,
  { name, uid }: Creation<"deletePod">,
): Promise<void> {
  const preconditions = { uid };
  await client.delete(pods, keyIn(subject, name), { preconditions }).catch((err: unknown) => {
    // Another pod has the name by now: the one we meant is gone.
    if (!isConflict(err)) throw err;
  });
}

/** Does one step; one that is done already resolves. @throws StatusError of the API. */
export async function perform(client: Client, subject: Subject, step: Step): Promise<void> {
  switch (step.kind) {
    case "createRevision":
      return createRevision(client, subject, step);
    case "markRevision": {
      const body = { status: statusOf(step.mark) };
      const key = keyIn(subject, step.name);
      const options = { subresource: "status" };
      return unlessGone(client.patch(revisions, key, { type: "merge", body }, options));
    }
    case "deleteRevision":
      return client.delete(revisions, keyIn(subject, step.name), {
        preconditions: { uid: step.uid },
      });
    case "createPod":
      return createPod(client, subject, step);
    case "order":
      return obey(client, subject, step.orders);
    case "deletePod":
      return deletePod(client, subject, step);
  }
}
