import { parseDocument } from "yaml";
import { z } from "zod";
import type { User } from "../access.ts";
import { auditPath } from "./audit-path.ts";
import { backupPath } from "../backup/backup-path.ts";
import type { RequestInfo } from "../objects/request-info.ts";

/** How much of a request is recorded, from nothing to both bodies. */
export const auditLevels = ["None", "Metadata", "Request", "RequestResponse"] as const;
export type AuditLevel = (typeof auditLevels)[number];

const names = z.array(z.string()).default([]);
const groupResources = z.strictObject({
  group: z.string().default(""),
  resources: names,
  resourceNames: names,
});
const stages = z
  .array(z.enum(["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"]))
  .default([]);
const rule = z.strictObject({
  level: z.enum(auditLevels),
  users: names,
  userGroups: names,
  verbs: names,
  resources: z.array(groupResources).default([]),
  namespaces: names,
  nonResourceURLs: names,
  omitStages: stages,
});
const policy = z.strictObject({
  apiVersion: z.literal("audit.k8s.io/v1"),
  kind: z.literal("Policy"),
  metadata: z.looseObject({}).optional(),
  omitStages: stages,
  rules: z.array(rule).min(1),
});

/** One rule of a policy; an empty list matches everything. */
type Rule = z.infer<typeof rule>;
/** audit.k8s.io/v1 Policy: the first rule that matches decides. */
export type AuditPolicy = z.infer<typeof policy>;

/** What a policy makes of one request. */
export type Verdict = { readonly level: AuditLevel; readonly omitStages: readonly string[] };

/**
 * Reads a policy file, in Kubernetes' own format
 * (https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/).
 * @throws Error that lists every wrong field
 */
export function parsePolicy(text: string): AuditPolicy {
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken !== undefined) throw new Error(`Cannot read the audit policy: ${broken.message}`);
  const { data, error } = policy.safeParse(document.toJS());
  if (error !== undefined) {
    throw new Error(`Cannot use the audit policy:\n${z.prettifyError(error)}`);
  }
  return data;
}

const everything = {
  users: [],
  userGroups: [],
  verbs: [],
  resources: [],
  namespaces: [],
  nonResourceURLs: [],
  omitStages: [],
};
const of = (group: string, ...resources: string[]): Rule["resources"][number] => ({
  group,
  resources,
  resourceNames: [],
});

/** Our own parts: controllers, agents, other servers. */
const parts = [
  "system:beacons",
  "system:lighthouse:controllers",
  "system:lighthouse:servers",
  "system:nodes",
];
const reads = ["get", "list", "watch", "head"];
const probes = ["/healthz*", "/livez*", "/readyz*"];

/**
 * Without a file: everything that people and robots ask, without bodies. Left out is what our own
 * parts read, and their heartbeats and reports: it is most of the traffic, and tells nothing. Who
 * reads secrets and who enters hosts and containers is recorded of everybody.
 */
export const defaultPolicy: AuditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { ...everything, level: "None", nonResourceURLs: probes },
    {
      ...everything,
      level: "Metadata",
      resources: [
        of("", "secrets", "serviceaccounts/token", "pods/exec", "pods/attach"),
        of("", "pods/portforward", "pods/proxy", "nodes/proxy"),
        of(
          "",
          "nodes/docker-read",
          "nodes/docker-write",
          "nodes/docker-exec",
          "nodes/docker-build",
        ),
      ],
    },
    // Who reads it has everything.
    { ...everything, level: "Metadata", nonResourceURLs: [backupPath, `${auditPath}*`] },
    { ...everything, level: "None", userGroups: parts, verbs: reads },
    { ...everything, level: "None", userGroups: ["system:monitoring"], verbs: reads },
    {
      ...everything,
      level: "None",
      userGroups: parts,
      resources: [
        of("coordination.k8s.io", "leases"),
        of("", "events", "nodes/status", "pods/status"),
        of("events.k8s.io", "events"),
        of(
          "lighthouse.dev",
          "applications/status",
          "beacons/status",
          "nodes/status",
          "revisions/status",
        ),
      ],
    },
    { ...everything, level: "Metadata" },
  ],
};

const anyOf = (wanted: readonly string[], given: readonly string[]): boolean =>
  wanted.length === 0 || given.some((one) => wanted.includes(one));

function matchesUrl(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? path.startsWith(pattern.slice(0, -1)) : path === pattern,
  );
}

function matchesWhat({ resources, namespaces, nonResourceURLs }: Rule, info: RequestInfo): boolean {
  const { resource, path } = info;
  if (resource === undefined) {
    if (nonResourceURLs.length > 0) return matchesUrl(nonResourceURLs, path);
    return resources.length === 0 && namespaces.length === 0;
  }
  if (resources.length === 0 && nonResourceURLs.length > 0) return false;
  if (!anyOf(namespaces, [resource.namespace])) return false;
  if (resources.length === 0) return true;
  const { plural, subresource, name } = resource;
  const forms =
    subresource === ""
      ? [plural, "*"]
      : [`${plural}/${subresource}`, `*/${subresource}`, `${plural}/*`, "*"];
  return resources.some(
    (one) =>
      one.group === resource.group &&
      anyOf(one.resources, forms) &&
      anyOf(one.resourceNames, [name]),
  );
}

/** What the policy says of a request; nothing at all: None. */
export function verdictOf(
  { rules, omitStages }: AuditPolicy,
  user: User,
  info: RequestInfo,
): Verdict {
  const found = rules.find(
    (one) =>
      anyOf(one.users, [user.name]) &&
      anyOf(one.userGroups, user.groups) &&
      anyOf(one.verbs, [info.verb]) &&
      matchesWhat(one, info),
  );
  if (found === undefined) return { level: "None", omitStages: [] };
  const level = holdsSecrets(info) && found.level !== "None" ? "Metadata" : found.level;
  return { level, omitStages: [...omitStages, ...found.omitStages] };
}

// Whatever a policy says: their bodies are credentials, and logs are read by many.
const secret = new Set([
  "/secrets",
  "authentication.k8s.io/tokenreviews",
  "lighthouse.dev/sessions",
]);
const secretParts = new Set(["token", "password"]);

function holdsSecrets({ resource, path }: RequestInfo): boolean {
  if (resource === undefined) return path === "/auth" || path.startsWith("/auth/");
  const { group, plural, subresource } = resource;
  if (secret.has(`${group}/${plural}`) || secretParts.has(subresource)) return true;
  // What Docker is sent holds environments, logins of registries and whole builds.
  return plural === "nodes" && (subresource === "proxy" || subresource.startsWith("docker-"));
}
