import { formatMicroTime } from "../../machinery/time.ts";
import type { User } from "../access.ts";
import type { ResourceInfo } from "../objects/request-info.ts";
import type { AuditLevel } from "./policy.ts";

/** When in the life of a request an event was made. */
export type Stage = "ResponseStarted" | "ResponseComplete";

/** What is known of a request and its answer. */
export type Seen = {
  readonly auditId: string;
  readonly level: AuditLevel;
  readonly stage: Stage;
  readonly requestUri: string;
  readonly verb: string;
  /** Of HTTP, where the verb does not tell it. */
  readonly method?: string;
  readonly user: User;
  readonly sourceIp: string;
  readonly userAgent: string;
  readonly resource: ResourceInfo | undefined;
  readonly code: number;
  /** Of a refusal: why, in the words of the answer. */
  readonly reason?: string;
  readonly receivedMs: number;
  readonly nowMs: number;
  /** JSON objects; absent when the level does not ask for them, or they are none. */
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
};

function userOf({ name, uid, groups, extra }: User): object {
  return {
    username: name,
    ...(uid === undefined ? {} : { uid }),
    ...(groups.length === 0 ? {} : { groups }),
    ...(extra === undefined ? {} : { extra }),
  };
}

function referenceOf(resource: ResourceInfo): object {
  const { group, version, plural, namespace, name, subresource } = resource;
  const given = { resource: plural, namespace, name, apiGroup: group, subresource };
  const filled = Object.entries(given).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(filled), apiVersion: version };
}

/** One line of the log: audit.k8s.io/v1 Event. */
export function auditLine(seen: Seen): string {
  const { user, resource, code, reason, method, requestObject, responseObject } = seen;
  const { actor } = user;
  const event = {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: seen.level,
    auditID: seen.auditId,
    stage: seen.stage,
    requestURI: seen.requestUri,
    verb: seen.verb,
    // As Kubernetes has it: who really asked, and apart from that as whom.
    user: userOf(actor ?? user),
    ...(actor === undefined ? {} : { impersonatedUser: userOf(user) }),
    sourceIPs: [seen.sourceIp],
    userAgent: seen.userAgent,
    ...(resource === undefined ? {} : { objectRef: referenceOf(resource) }),
    responseStatus: {
      metadata: {},
      code,
      ...(code >= 400 ? { status: "Failure" } : {}),
      ...(reason === undefined ? {} : { reason }),
    },
    ...(requestObject === undefined ? {} : { requestObject }),
    ...(responseObject === undefined ? {} : { responseObject }),
    requestReceivedTimestamp: formatMicroTime(seen.receivedMs),
    stageTimestamp: formatMicroTime(seen.nowMs),
    annotations: {
      "authorization.k8s.io/decision": code === 403 ? "forbid" : "allow",
      ...(method === undefined ? {} : { "lighthouse.dev/method": method }),
    },
  };
  return `${JSON.stringify(event)}\n`;
}
