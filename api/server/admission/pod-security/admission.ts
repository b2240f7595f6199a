import { annotation } from "../../../../crds/labels.ts";
import { forbidden, invalid, type StatusCause } from "../../../machinery/errors.ts";
import { invalidValue } from "../../../machinery/field-causes.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import type { Subject } from "../../../machinery/pod-security/check.ts";
import { violationsOf, violationText } from "../../../machinery/pod-security/evaluate.ts";
import { readHostPorts } from "../../../machinery/pod-security/host-ports.ts";
import {
  compareLevels,
  type LevelVersion,
  levelText,
  type PodSecurityPolicy,
  policyOf,
} from "../../../machinery/pod-security/level.ts";
import { storeKey } from "../../../store/keys.ts";
import type { Item } from "../../../store/item.ts";
import { readItem, type Storage } from "../../objects/storage.ts";
import type { Admission, FinalReview } from "../chain.ts";
import { changedTemplate, type PodTemplate } from "../pod-templates.ts";
import { existingViolations } from "./existing.ts";
import type { PodSecuritySettings } from "./settings.ts";

const namespaces = { group: "", plural: "namespaces" } as const;
const auditPrefix = "pod-security.kubernetes.io/";

type Parts = { readonly storage: Storage; readonly settings: PodSecuritySettings };

const problemText = (problems: readonly { label: string; value: string; why: string }[]): string =>
  problems
    .map(({ label, value, why }) => `${label}: Invalid value: ${JSON.stringify(value)}: ${why}`)
    .join(", ");

/** The ports of hosts that a namespace allows; a list that cannot be read allows none. */
function portsOf({ metadata }: AnyObject): Subject["allowsHostPort"] {
  const text = metadata.annotations?.[annotation.hostPorts];
  return (text === undefined ? undefined : readHostPorts(text)) ?? (() => false);
}

/** Why something is not judged; `undefined` when it is. */
function exemption(
  { exemptions }: PodSecuritySettings,
  { namespace, user }: FinalReview,
  { spec }: PodTemplate,
): string | undefined {
  if (exemptions.namespaces.includes(namespace)) return "namespace";
  if (exemptions.usernames.includes(user.name)) return "user";
  return exemptions.runtimeClasses.includes(spec.runtimeClassName ?? "")
    ? "runtimeClass"
    : undefined;
}

async function namespaceOf({ cache, store }: Storage, name: string): Promise<Item | undefined> {
  const key = storeKey(namespaces, { name });
  return cache.newest(key) ?? readItem({ cache, store }, key);
}

/** What may be done besides changing the template, where that is less than the level privileged. */
function wayOut(text: string, namespace: string): string {
  if (!/(^|, )hostPort \(/.test(text)) return "";
  return `; ports of hosts that namespace "${namespace}" may take are those in its annotation ${annotation.hostPorts}`;
}

const would = (level: LevelVersion, text: string): string =>
  `would violate PodSecurity "${levelText(level)}": ${text}`;

/** @throws StatusError `Forbidden` in Kubernetes' words */
function judgeSubject(subject: Subject, policy: PodSecurityPolicy, review: FinalReview): void {
  const { namespace, kind, object, name, warn, annotate } = review;
  const judged = (level: LevelVersion): string => violationText(violationsOf(subject, level));
  annotate(`${auditPrefix}enforce-policy`, levelText(policy.enforce));
  const audited = judged(policy.audit);
  if (audited !== "") annotate(`${auditPrefix}audit-violations`, would(policy.audit, audited));
  const refused = judged(policy.enforce);
  if (refused !== "") {
    const text = `violates PodSecurity "${levelText(policy.enforce)}": ${refused}`;
    throw forbidden(kind, object.metadata.name ?? name, `${text}${wayOut(refused, namespace)}`);
  }
  const warned = judged(policy.warn);
  if (warned !== "") warn(would(policy.warn, warned));
}

async function judgeTemplate(
  { storage, settings }: Parts,
  review: FinalReview,
  template: PodTemplate,
): Promise<void> {
  const { namespace, annotate } = review;
  const exempt = exemption(settings, review, template);
  if (exempt !== undefined) return annotate(`${auditPrefix}exempt`, exempt);
  const found = (await namespaceOf(storage, namespace))?.object;
  // A namespace that is gone lets nothing in anyway: without labels the defaults hold.
  const { policy, problems } = policyOf(found?.metadata.labels ?? {}, settings.defaults);
  if (problems.length > 0)
    annotate(`${auditPrefix}error`, `Failed to parse policy: ${problemText(problems)}`);
  const allowsHostPort = found === undefined ? () => false : portsOf(found);
  judgeSubject({ ...template, allowsHostPort }, policy, review);
}

const enforced = ({ metadata }: AnyObject): string =>
  ["enforce", "enforce-version"]
    .map((mode) => metadata.labels?.[`${auditPrefix}${mode}`] ?? "")
    .join(":");

/**
 * Whether Pods that were let in may not be let in any more. Who writes down the level that holds
 * anyhow is told too: that is how one asks, after a default has come.
 */
function mayExclude(now: LevelVersion, before: LevelVersion): boolean {
  if (now.level === "privileged") return false;
  return now.minor !== before.minor || compareLevels(now.level, before.level) >= 0;
}

function annotationCauses(object: AnyObject, before: AnyObject | undefined): StatusCause[] {
  const text = object.metadata.annotations?.[annotation.hostPorts];
  if (text === undefined || text === before?.metadata.annotations?.[annotation.hostPorts])
    return [];
  const at = `metadata.annotations[${annotation.hostPorts}]`;
  const why = "must be ports from 1 to 65535 and runs of them, e.g. 80,8000-8099";
  return readHostPorts(text) === undefined ? [invalidValue(at, text, why)] : [];
}

/** Wrong labels are refused where they are written; a stricter level warns of Pods that are there. */
function judgeNamespace({ storage, settings }: Parts, review: FinalReview): void {
  const { kind, object, before, warn } = review;
  const { name } = object.metadata;
  const now = policyOf(object.metadata.labels ?? {}, settings.defaults);
  const earlier = policyOf(before?.metadata.labels ?? {}, settings.defaults);
  const known = new Set(earlier.problems.map(({ label, value }) => `${label}=${value}`));
  const causes = now.problems
    .filter(({ label, value }) => before === undefined || !known.has(`${label}=${value}`))
    .map(({ label, value, why }) => invalidValue(`metadata.labels[${label}]`, value, why));
  causes.push(...annotationCauses(object, before));
  if (causes.length > 0) throw invalid(kind, name, causes);
  const { enforce } = now.policy;
  if (before === undefined || enforced(object) === enforced(before)) return;
  if (!mayExclude(enforce, earlier.policy.enforce)) return;
  if (settings.exemptions.namespaces.includes(name)) return;
  const at = { name, level: enforce, allowsHostPort: portsOf(object) };
  for (const text of existingViolations(storage, settings, at)) warn(text);
}

/**
 * Keeps Pods, and the templates of Applications that they are made from, within the pod security
 * level of their namespace. A template is refused when it is written, so that who writes it is
 * told; Pods are judged in any case, whoever makes them.
 * @see https://kubernetes.io/docs/concepts/security/pod-security-admission/
 */
export function podSecurity(parts: Parts): Admission {
  return {
    async judge(review) {
      const { kind, subresource, operation } = review;
      if (kind.group === "" && kind.plural === "namespaces") {
        if (subresource === "" && operation !== "DELETE") judgeNamespace(parts, review);
        return;
      }
      const template = changedTemplate(review);
      if (template !== undefined) await judgeTemplate(parts, review, template);
    },
  };
}
