import { setImmediate } from "node:timers/promises";
import { forbidden, type Reason, StatusError } from "../../../machinery/errors.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import { collectionPrefix, storeKey } from "../../../store/keys.ts";
import type { Rights } from "../../authz/rbac-authorizer.ts";
import { authorizerValue } from "../../cel/lib-authorizer.ts";
import type { CelValue } from "../../cel/value.ts";
import type { Kinds } from "../../kinds/kind.ts";
import type { Storage } from "../../objects/storage.ts";
import { convertDeep } from "../../schema/cel-value.ts";
import type { Admission } from "../chain.ts";
import { type Asking, askingFor } from "./authorizer.ts";
import { evaluatePolicy, type Finding, policyMeter, type Verdict } from "./evaluate.ts";
import { compilePolicy, type ExpressionProblem } from "./expressions.ts";
import { type Matched, matchesResources } from "./match.ts";
import { paramsOf } from "./params.ts";
import { type Judged, requestValue } from "./request.ts";
import { bindingSpecOf, policyGroup, policySpecOf } from "./spec.ts";

/** What judging by policies needs. */
export type PolicyParts = {
  readonly storage: Pick<Storage, "cache">;
  readonly kinds: Kinds;
  readonly rights: Pick<Rights, "authorize">;
};

const policies = collectionPrefix({ group: policyGroup, plural: "validatingadmissionpolicies" });
const bindings = collectionPrefix({
  group: policyGroup,
  plural: "validatingadmissionpolicybindings",
});
const namespaces = { group: "", plural: "namespaces" } as const;

/** Stored policies do not change, a new version is another object: each is compiled once. */
const compiled = new WeakMap<AnyObject, ReturnType<typeof compilePolicy>>();

function compiledOf(policy: AnyObject): ReturnType<typeof compilePolicy> {
  const known = compiled.get(policy);
  if (known !== undefined) return known;
  const made = compilePolicy(policySpecOf(policy));
  compiled.set(policy, made);
  return made;
}

/** A policy and a binding of it that are both about the request. */
type Bound = {
  readonly policy: AnyObject;
  readonly binding: AnyObject;
};

function boundTo({ storage }: PolicyParts, matched: Matched): readonly Bound[] {
  const all = storage.cache.list(bindings);
  if (all.length === 0) return [];
  const known = new Map(
    storage.cache.list(policies).map(({ object }) => [object.metadata.name, object] as const),
  );
  return all.flatMap(({ object: binding }): readonly Bound[] => {
    const { policyName, matchResources } = bindingSpecOf(binding);
    const policy = known.get(policyName);
    if (policy === undefined) return [];
    const isHit =
      matchesResources(policySpecOf(policy).matchConstraints, matched) &&
      matchesResources(matchResources, matched);
    return isHit ? [{ policy, binding }] : [];
  });
}

/** What all expressions about one request share; objects are converted when a policy first asks. */
type Context = {
  readonly parts: PolicyParts;
  readonly review: Judged;
  readonly asking: Asking;
  readonly values: (params: CelValue) => readonly CelValue[];
};

function contextOf(
  parts: PolicyParts,
  review: Judged,
  namespaceObject: AnyObject | undefined,
): Context {
  const { kind, subresource, namespace, user, object, before } = review;
  const asking = askingFor(parts.rights, user);
  const request = requestValue(review);
  const { group, plural: resource } = kind;
  const name = String(request["name"]);
  const root = authorizerValue(asking.ask, { group, resource, subresource, namespace, name });
  const shared = [
    convertDeep(object ?? null),
    convertDeep(before ?? null),
    convertDeep(request),
    convertDeep(namespaceObject ?? null),
    root,
  ];
  return { parts, review, asking, values: (params) => [...shared, params] };
}

const verdictOf = (finding: Finding): Verdict => ({ findings: [finding], annotations: {} });

const failed = (message: string): Verdict =>
  verdictOf({ message, reason: "Invalid", failed: true, unbound: true });

/** Another version may have stored what this one cannot read: that is no leave. */
const unreadable = ({ field, why }: ExpressionProblem): Verdict =>
  verdictOf({ message: `cannot use ${field}: ${why}`, reason: "Invalid", failed: true });

async function verdictsOf(context: Context, { policy, binding }: Bound): Promise<Verdict[]> {
  const { parts, review, asking, values } = context;
  const spec = policySpecOf(policy);
  const { policy: program, problems } = compiledOf(policy);
  const [problem] = problems;
  if (problem !== undefined) return [unreadable(problem)];
  const judge = (params: CelValue): Promise<Verdict> => {
    const meter = policyMeter();
    return asking.settle(() => evaluatePolicy(program, values(params), meter));
  };
  if (spec.paramKind === undefined) {
    const verdict = await judge(null);
    await setImmediate();
    return [verdict];
  }
  const where = { binding: bindingSpecOf(binding), namespace: review.namespace };
  const params = paramsOf(parts.storage, parts.kinds, spec, where);
  if ("missing" in params) return params.allowed ? [] : [failed(params.missing)];
  const verdicts: Verdict[] = [];
  for (const object of params.objects) {
    verdicts.push(await judge(convertDeep(object)));
    await setImmediate(); // however much it costs, others are served before the next one
  }
  return verdicts;
}

const reasons: Readonly<Record<string, Reason>> = {
  Unauthorized: "Unauthorized",
  Forbidden: "Forbidden",
  Invalid: "Invalid",
  RequestEntityTooLarge: "RequestEntityTooLarge",
};

function denial({ kind, name, object }: Judged, { reason }: Finding, text: string): StatusError {
  const { message, details } = forbidden(kind, object?.metadata.name ?? name, text);
  const causes = [{ reason: "", message: text }];
  return new StatusError(reasons[reason] ?? "Invalid", message, {
    details: { ...details, causes },
  });
}

type Told = Bound & { readonly finding: Finding; readonly actions: readonly string[] };

const auditKey = "validation.policy.admission.k8s.io/validation_failure";

/** What is put on record of all that was found. */
function auditText(told: readonly Told[]): string {
  const entries = told.map(({ policy, binding, finding, actions }) => ({
    message: finding.message,
    policy: policy.metadata.name,
    binding: binding.metadata.name,
    ...(finding.index === undefined ? {} : { expressionIndex: finding.index }),
    validationActions: actions,
  }));
  return JSON.stringify(entries);
}

/** Tells of what was found, as the bindings say. @throws StatusError of the first that denies */
function tell({ review }: Context, told: readonly Told[]): void {
  const audited = told.filter(({ actions }) => actions.includes("Audit"));
  if (audited.length > 0) review.annotate(auditKey, auditText(audited));
  for (const { policy, binding, finding, actions } of told) {
    const who = `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}'`;
    if (actions.includes("Warn")) review.warn(`Validation failed for ${who}: ${finding.message}`);
    if (actions.includes("Deny"))
      throw denial(review, finding, `${who} denied request: ${finding.message}`);
  }
}

/** Without parameters nobody can say what is a breach: that is refused whatever the binding says. */
function toldOf(one: Bound, findings: readonly Finding[]): readonly Told[] {
  const { failurePolicy = "Fail" } = policySpecOf(one.policy);
  const { validationActions } = bindingSpecOf(one.binding);
  return findings
    .filter(({ failed }) => !failed || failurePolicy !== "Ignore")
    .map((finding) => ({
      ...one,
      finding,
      actions: finding.unbound === true ? ["Deny"] : validationActions,
    }));
}

async function judgeBound(context: Context, bound: readonly Bound[]): Promise<void> {
  const told: Told[] = [];
  for (const one of bound) {
    for (const { findings, annotations } of await verdictsOf(context, one)) {
      for (const [key, value] of Object.entries(annotations))
        context.review.annotate(`${one.policy.metadata.name}/${key}`, value);
      told.push(...toldOf(one, findings));
    }
  }
  tell(context, told);
}

/** What policies never judge, so that nobody is locked out by one: themselves, and reviews of rights. */
const unjudged = new Set([policyGroup, "authentication.k8s.io", "authorization.k8s.io"]);

/**
 * Judges writes by the ValidatingAdmissionPolicies that are bound.
 * @see https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/
 */
export function policyAdmission(parts: PolicyParts): Admission {
  const { cache } = parts.storage;
  const judge = async (review: Judged): Promise<void> => {
    if (unjudged.has(review.kind.group) || cache.list(bindings).length === 0) return;
    const found = namespaceAround(cache, review);
    const name = review.name === "" ? (review.object?.metadata.name ?? "") : review.name;
    const labels = found === undefined ? {} : { namespaceLabels: found.metadata.labels ?? {} };
    const bound = boundTo(parts, { ...review, name, namespaceLabels: undefined, ...labels });
    if (bound.length > 0) await judgeBound(contextOf(parts, review, found), bound);
  };
  return {
    async admit({ object: _none, ...review }) {
      if (review.operation === "DELETE") await judge(review);
    },
    judge,
  };
}

function namespaceAround(
  cache: Storage["cache"],
  { kind, namespace }: Judged,
): AnyObject | undefined {
  if (!kind.namespaced || namespace === "") return undefined;
  return cache.newest(storeKey(namespaces, { name: namespace }))?.object;
}
