import { bootstrapGroup } from "../authn/bootstrap-token.ts";
import { beaconSigner, expiredGroup } from "../certificates/beacon-request.ts";
import type { ShortRule } from "./bootstrap-rules.ts";
import { beaconsGroup } from "./node-identity.ts";

const group = "certificates.k8s.io";
const requests = "certificatesigningrequests";

/** Asking for a certificate, and looking what became of it. */
export const askingForCertificates: readonly ShortRule[] = [
  { apiGroups: [group], resources: [requests], verbs: ["create", "get"] },
];

/** Everybody who may ask for an agent's certificate: with a token, with one that has ended, or with one. */
export const certificateAskers: readonly string[] = [bootstrapGroup, expiredGroup, beaconsGroup];

/** Deciding who may be an agent: approving, revoking and removing. Tokens are Secrets of kube-system. */
export const managingBeacons: readonly ShortRule[] = [
  { apiGroups: [group], resources: [requests], verbs: ["get", "list", "watch", "delete"] },
  { apiGroups: [group], resources: [`${requests}/approval`], verbs: ["update", "patch"] },
  { apiGroups: [group], resources: ["signers"], resourceNames: [beaconSigner], verbs: ["approve"] },
  {
    apiGroups: ["lighthouse.dev"],
    resources: ["beacons"],
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"],
  },
];
