import type { AnyObject } from "../../machinery/object.ts";
import { humanDuration } from "../../machinery/time.ts";
import type { BuiltIn } from "./built-in.ts";
import { approvalCauses, requestCauses } from "./certificate-request-validate.ts";
import { ageColumn, column, nameColumn } from "./columns.ts";
import { objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, Subresource } from "./kind.ts";

const gvk = {
  group: "certificates.k8s.io",
  version: "v1",
  kind: "CertificateSigningRequest",
} as const;

const orNone = (text: string): string => (text === "" ? "<none>" : text);

/** `Pending`, `Approved` or `Denied`, then what came of it, as `kubectl get csr` shows it. */
function stateOf(request: AnyObject): string {
  const status = objectIn(request, "status");
  const types = new Set(objectsIn(status, "conditions").map((one) => textIn(one, "type")));
  const verdict = types.has("Denied") ? "Denied" : types.has("Approved") ? "Approved" : "Pending";
  const failed = types.has("Failed") ? ",Failed" : "";
  return `${verdict}${failed}${textIn(status, "certificate") === "" ? "" : ",Issued"}`;
}

function durationOf(request: AnyObject): string {
  const seconds = objectIn(request, "spec")?.["expirationSeconds"];
  return typeof seconds === "number" ? humanDuration(seconds * 1_000) : "<none>";
}

const specText = (field: string) => {
  return (request: AnyObject): string => textIn(objectIn(request, "spec"), field);
};

/** Sets the verdict and leaves the rest of the status, a certificate above all, as it was. */
const approval: Subresource = {
  name: "approval",
  responseKind: gvk,
  verbs: ["get", "patch", "update"],
  updates: {
    part: "status",
    take(sent, before) {
      const conditions = objectIn(sent, "status")?.["conditions"];
      const status = { ...objectIn(before, "status"), conditions };
      if (conditions === undefined) delete status.conditions;
      return { ...sent, status };
    },
    validate: approvalCauses,
  },
};

function dropStatus(request: Body): void {
  delete request["status"];
}

/**
 * certificates.k8s.io/v1 CertificateSigningRequest: who wants a certificate for which key. Who asked
 * is written by admission; what becomes of it by approvers and signers, see certificates/.
 */
export const certificateRequestKind: BuiltIn = {
  ...gvk,
  plural: "certificatesigningrequests",
  namespaced: false,
  shortNames: ["csr"],
  definition: "io.k8s.api.certificates.v1.CertificateSigningRequest",
  status: true,
  subresources: [approval],
  columns: [
    nameColumn,
    ageColumn,
    column("SignerName", (request) => orNone(specText("signerName")(request))),
    column("Requestor", specText("username")),
    column("RequestedDuration", durationOf),
    column("Condition", stateOf),
  ],
  fields: { "spec.signerName": specText("signerName") },
  strategy: {
    prepareCreate: dropStatus,
    prepareUpdate(object, before) {
      object["spec"] = before["spec"]; // who asked for what stands for good
    },
    validate: requestCauses,
  },
};
