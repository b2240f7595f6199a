import { annotation } from "../../../crds/labels.ts";
import { equalJson } from "../../machinery/equality.ts";
import { forbidden } from "../../machinery/errors.ts";
import type { Rights } from "../authz/rbac-authorizer.ts";
import { objectIn } from "../kinds/fill.ts";
import type { Body } from "../kinds/kind.ts";
import type { RequestInfo } from "../objects/request-info.ts";
import type { Admission, Review } from "./chain.ts";

type Write = Review & { readonly object: Body };

const verbs = ["update", "patch", "create"];

/** Whether the user may approve rollouts of this Application, by whichever verb. */
async function mayApprove(rights: Rights, { user, namespace, name }: Review): Promise<boolean> {
  const type = { group: "lighthouse.dev", version: "v1", plural: "applications", rest: "" };
  for (const verb of verbs) {
    const resource = { ...type, subresource: "approve", namespace, name };
    const request: RequestInfo = { verb, path: "", resource };
    if ((await rights.authorize(user, request)).allowed) return true;
  }
  return false;
}

const annotationOf = ({ metadata }: Pick<Body, "metadata">, key: string): string | undefined =>
  metadata.annotations?.[key];

function setAnnotation({ metadata }: Body, key: string, value: string | undefined): void {
  if (metadata.annotations?.[key] === value) return;
  const { [key]: _old, ...rest } = metadata.annotations ?? {};
  if (value !== undefined) metadata.annotations = { ...rest, [key]: value };
  else if (Object.keys(rest).length > 0) metadata.annotations = rest;
  else delete metadata.annotations;
}

/** How many slots a canary that waits for a person may take; `undefined` where none does. */
function manualSlots(object: object | undefined): number | undefined {
  const strategy = objectIn(objectIn({ ...object }, "spec") ?? {}, "strategy");
  const canary = objectIn(strategy ?? {}, "canary");
  return canary?.["approve"] === "Manual" ? Number(canary["count"]) : undefined;
}

/** What of the write only somebody may do who approves; `undefined`: nothing. */
function approvalIn({ object, before }: Write): string | undefined {
  const { approve } = annotation;
  const wanted = annotationOf(object, approve);
  if (wanted !== undefined && wanted !== before?.metadata.annotations?.[approve]) {
    return `setting the annotation ${approve}`;
  }
  // Else whoever deploys would go on without the second pair of eyes.
  const [slots, most] = [manualSlots(object), manualSlots(before)];
  if (most === undefined) return undefined;
  if (slots === undefined) return "taking spec.strategy.canary.approve: Manual back";
  return slots > most ? "raising spec.strategy.canary.count of a manual canary" : undefined;
}

/** Who approves by other ways than the endpoint needs the same right, and is put on record too. */
async function recordApproval(rights: Rights, review: Write): Promise<void> {
  const { object, before, kind, name, user, namespace } = review;
  const approval = approvalIn(review);
  if (approval !== undefined && !(await mayApprove(rights, review))) {
    const why =
      `User "${user.name}" cannot approve rollouts: ${approval} needs the right to update ` +
      `resource "applications/approve" in the namespace "${namespace}", ` +
      "leave it as it is or ask somebody who has that right";
    throw forbidden(kind, object.metadata.name ?? name, why);
  }
  const revision = annotationOf(object, annotation.approve);
  const isNew = revision !== before?.metadata.annotations?.[annotation.approve];
  const by = isNew ? user.name : before?.metadata.annotations?.[annotation.approvedBy];
  setAnnotation(object, annotation.approvedBy, revision === undefined ? undefined : by);
}

/** Who changed the template last: Revisions are made in their name. */
function recordChange({ object, before, user }: Write): void {
  const template = objectIn(object, "spec")?.["template"];
  const earlier = before === undefined ? undefined : objectIn({ ...before }, "spec")?.["template"];
  const isChanged = before === undefined || !equalJson(template, earlier);
  const known = before?.metadata.annotations?.[annotation.changedBy];
  setAnnotation(object, annotation.changedBy, isChanged ? user.name : known);
}

/**
 * What an Application says of people is the server's to write: who changed its template and who
 * approved its canary. Approving by annotation asks for the same right as the endpoint `approve`, so that
 * RBAC can split deploying from approving.
 */
export function applicationRecords(rights: Rights): Admission {
  return {
    async admit(review) {
      const { kind, subresource, object, operation } = review;
      if (kind.group !== "lighthouse.dev" || kind.plural !== "applications") return;
      if (subresource !== "" || object === undefined || operation === "DELETE") return;
      const write = { ...review, object };
      await recordApproval(rights, write);
      recordChange(write);
    },
  };
}
