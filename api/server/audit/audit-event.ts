import { decisionName, reasonName } from "../../audit/event.ts";
import { formatMicroTime } from "../../machinery/time.ts";
import type { Decision, User } from "../access.ts";
import type { ResourceInfo } from "../objects/request-info.ts";
import type { AuditLevel } from "./policy.ts";

/** When in the life of a request an event was made. */
export type Stage = "RequestReceived" | "ResponseStarted" | "ResponseComplete" | "Panic";

/** What is known of a request and its answer. */
export type Seen = {
  readonly auditId: string;
  readonly level: AuditLevel;
  readonly stage: Stage;
  readonly requestUri: string;
  readonly verb: string;
  readonly user: User;
  /** The client first, then the proxies that it came through. */
  readonly sourceIps: readonly string[];
  readonly userAgent: string;
  readonly resource: ResourceInfo | undefined;
  /** Absent while there is no answer. */
  readonly status?: AnswerStatus | undefined;
  /** Absent when nobody was asked: on public paths, and for senders that nobody knows. */
  readonly decision?: Decision | undefined;
  /** What admission and others say of it. */
  readonly annotations?: ReadonlyMap<string, string> | undefined;
  readonly receivedMs: number;
  readonly nowMs: number;
  /** JSON objects; absent when the level does not ask for them, or they are none. */
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
};

/** How a request was answered. */
export type AnswerStatus = {
  readonly code: number;
  /** Of a refusal: why, in one word. */
  readonly reason?: string;
  /** In words of our own: those of an answer may quote what was sent. */
  readonly message?: string;
};

/** Longer ones say nothing more, and a stranger chooses them. Characters. */
const maxAgentLength = 1_024;

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

function statusOf({ code, reason, message }: AnswerStatus): object {
  return {
    metadata: {},
    ...(code >= 400 ? { status: "Failure" } : {}),
    ...(message === undefined ? {} : { message }),
    ...(reason === undefined ? {} : { reason }),
    code,
  };
}

function annotationsOf({ annotations, decision }: Seen): object {
  return {
    ...Object.fromEntries(annotations ?? []),
    ...(decision === undefined
      ? {}
      : {
          [decisionName]: decision.allowed ? "allow" : "forbid",
          [reasonName]: decision.reason ?? "",
        }),
  };
}

/** One event of the log: audit.k8s.io/v1 Event as JSON, `annotations` last. */
export function auditLine(seen: Seen): string {
  const { user, resource, status, requestObject, responseObject } = seen;
  const { actor } = user;
  return JSON.stringify({
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
    sourceIPs: seen.sourceIps,
    userAgent: seen.userAgent.slice(0, maxAgentLength),
    ...(resource === undefined ? {} : { objectRef: referenceOf(resource) }),
    ...(status === undefined ? {} : { responseStatus: statusOf(status) }),
    ...(requestObject === undefined ? {} : { requestObject }),
    ...(responseObject === undefined ? {} : { responseObject }),
    requestReceivedTimestamp: formatMicroTime(seen.receivedMs),
    stageTimestamp: formatMicroTime(seen.nowMs),
    annotations: annotationsOf(seen),
  });
}
