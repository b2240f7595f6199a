import type { StatusCause } from "../../machinery/errors.ts";
import {
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../machinery/field-causes.ts";
import { rfc1035LabelProblems, subdomainProblems } from "../../machinery/names.ts";
import { equalJson } from "../../machinery/equality.ts";
import { approvalCauses } from "./api-approval.ts";
import { type Crd, type CrdNames, type CrdSpec, isEstablished } from "./crd.ts";
import { versionCauses } from "./version-validate.ts";

/** Text of the problems of a name, as Kubernetes joins them. */
const said = (problems: readonly string[]): string => problems.join(",");

function groupCauses(group: string): StatusCause[] {
  const field = "spec.group";
  if (group === "") return [requiredValue(field)];
  const problems = subdomainProblems(group);
  if (problems.length > 0) return [invalidValue(field, group, said(problems))];
  if (group.includes(".")) return [];
  return [invalidValue(field, group, "should be a domain with at least one dot")];
}

function scopeCauses(scope: string | undefined): StatusCause[] {
  const scopes = ["Cluster", "Namespaced"];
  if ((scope ?? "") === "") return [requiredValue("spec.scope")];
  return scopes.includes(scope ?? "") ? [] : [unsupportedValue("spec.scope", scope, scopes)];
}

function requiredNames(names: CrdNames): StatusCause[] {
  return (["plural", "singular", "kind", "listKind"] as const).flatMap((field) =>
    (names[field] ?? "") === "" ? [requiredValue(`spec.names.${field}`)] : [],
  );
}

function labelCause(at: string, name: string, mixedCase: boolean): StatusCause[] {
  if (name === "") return [];
  const problems = rfc1035LabelProblems(mixedCase ? name.toLowerCase() : name);
  if (problems.length === 0) return [];
  const start = mixedCase ? "may have mixed case, but should otherwise match: " : "";
  return [invalidValue(at, name, start + said(problems))];
}

function namesCauses(names: CrdNames, at: string): StatusCause[] {
  const { plural, singular = "", kind, listKind = "", shortNames = [], categories = [] } = names;
  const each = (list: readonly string[], field: string): StatusCause[] =>
    list.flatMap((name, i) => {
      const problems = rfc1035LabelProblems(name);
      return problems.length === 0
        ? []
        : [invalidValue(`${at}.${field}[${i}]`, name, said(problems))];
    });
  const causes = [
    ...labelCause(`${at}.plural`, plural, false),
    ...labelCause(`${at}.singular`, singular, false),
    ...labelCause(`${at}.kind`, kind, true),
    ...labelCause(`${at}.listKind`, listKind, true),
    ...each(shortNames, "shortNames"),
  ];
  if (kind !== "" && kind === listKind)
    causes.push(invalidValue(`${at}.listKind`, listKind, "kind and listKind may not be the same"));
  return [...causes, ...each(categories, "categories")];
}

/** There is nobody to call out to yet, and a conversion that never runs would corrupt objects. */
function conversionCauses({ conversion }: CrdSpec): StatusCause[] {
  const at = "spec.conversion";
  const strategies = ["None", "Webhook"];
  const { strategy = "", webhook } = conversion ?? { strategy: "None" };
  if (strategy === "") return [requiredValue(`${at}.strategy`)];
  if (!strategies.includes(strategy))
    return [unsupportedValue(`${at}.strategy`, strategy, strategies)];
  if (strategy === "Webhook")
    return [
      forbiddenValue(
        `${at}.strategy`,
        "conversion webhooks are not supported: this server calls nothing outside of itself; use None",
      ),
    ];
  if (webhook === undefined || webhook === null) return [];
  return [forbiddenValue(`${at}.webhook`, "should not be set when strategy is not set to Webhook")];
}

function versionListCauses({ versions }: CrdSpec): StatusCause[] {
  const causes: StatusCause[] = [];
  const names = versions.map(({ name }) => name);
  const field = "spec.versions";
  if (new Set(names).size < names.length)
    causes.push(invalidValue(field, names, "must contain unique version names"));
  if (versions.filter(({ storage }) => storage).length !== 1)
    causes.push(
      invalidValue(field, names, "must have exactly one version marked as storage version"),
    );
  return causes;
}

function storedVersionCauses({ spec, status }: Crd): StatusCause[] {
  const at = "status.storedVersions";
  const { storedVersions = [] } = status ?? {};
  if (storedVersions.length === 0)
    return [invalidValue(at, storedVersions, "must have at least one stored version")];
  const causes: StatusCause[] = [];
  const known = new Set(spec.versions.map(({ name }) => name));
  const storage = spec.versions.find((version) => version.storage)?.name;
  if (storage !== undefined && !storedVersions.includes(storage))
    causes.push(invalidValue(at, storedVersions, `must have the storage version ${storage}`));
  for (const [i, version] of storedVersions.entries()) {
    if (known.has(version)) continue;
    const detail = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;
    causes.push(invalidValue(`${at}[${i}]`, version, detail));
  }
  return causes;
}

function immutableCauses(spec: CrdSpec, before: Crd): StatusCause[] {
  const old = before.spec;
  const always: readonly (readonly [string, unknown, unknown])[] = [
    ["spec.group", spec.group, old.group],
    ["spec.names.plural", spec.names.plural, old.names.plural],
  ];
  // Until it is served, a mistake may still be put right.
  const served: typeof always = [
    ["spec.scope", spec.scope, old.scope],
    ["spec.names.kind", spec.names.kind, old.names.kind],
  ];
  return [...(isEstablished(before) ? served : []), ...always].flatMap(([field, now, was]) =>
    now === was ? [] : [invalidValue(field, now, "field is immutable")],
  );
}

function preserveCauses(spec: CrdSpec, before: Crd | undefined): StatusCause[] {
  if (spec.preserveUnknownFields !== true || before?.spec.preserveUnknownFields === true) return [];
  return [
    invalidValue(
      "spec.preserveUnknownFields",
      true,
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
    ),
  ];
}

function nameCauses({ metadata, spec }: Crd): StatusCause[] {
  const { name } = metadata;
  if (name === "" || name === `${spec.names.plural}.${spec.group}`) return [];
  return [invalidValue("metadata.name", name, 'must be spec.names.plural+"."+spec.group')];
}

function specCauses(spec: CrdSpec, before: Crd | undefined): StatusCause[] {
  return [
    ...groupCauses(spec.group),
    ...scopeCauses(spec.scope),
    ...spec.versions.flatMap((version, i) => {
      const old = before?.spec.versions.find(({ name }) => name === version.name);
      return versionCauses(version, `spec.versions[${i}]`, {
        before: old,
        sameSchema: old !== undefined && equalJson(old.schema, version.schema),
      });
    }),
    ...versionListCauses(spec),
    ...requiredNames(spec.names),
    ...namesCauses(spec.names, "spec.names"),
    ...conversionCauses(spec),
  ];
}

/** Texts that are missing are empty, as they are to readers in Go. */
function withTexts(spec: CrdSpec): CrdSpec {
  const { group = "", names, versions } = spec as Partial<CrdSpec>;
  return {
    ...spec,
    group,
    names: { plural: "", kind: "", ...names },
    versions: (versions ?? []).map((version) => ({ ...version, name: version.name ?? "" })),
  };
}

/**
 * Everything that is wrong with a CRD, in Kubernetes' words and with its field paths; `before` is
 * the stored one on an update.
 */
export function crdCauses(given: Crd, before?: Crd): readonly StatusCause[] {
  const crd = { ...given, spec: withTexts(given.spec) };
  return [
    ...(before === undefined ? nameCauses(crd) : []),
    ...specCauses(crd.spec, before),
    ...(before === undefined ? [] : immutableCauses(crd.spec, before)),
    ...namesCauses(crd.status?.acceptedNames ?? { plural: "", kind: "" }, "status.acceptedNames"),
    ...storedVersionCauses(crd),
    ...approvalCauses(crd, before),
    ...preserveCauses(crd.spec, before),
  ];
}
