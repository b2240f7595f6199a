import { equalJson } from "../../../machinery/equality.ts";
import type { StatusCause } from "../../../machinery/errors.ts";
import {
  duplicateValue,
  forbiddenValue,
  invalidValue,
  requiredValue,
  tooLongValue,
  tooManyValues,
  unsupportedValue,
} from "../../../machinery/field-causes.ts";
import { qualifiedNameProblems } from "../../../machinery/names.ts";
import type { AnyObject } from "../../../machinery/object.ts";
import { selectorCauses } from "../../../machinery/selector.ts";
import { type Causes, oneOf, problemCauses } from "../../kinds/checks.ts";
import type { Body } from "../../kinds/kind.ts";
import { compilePolicy } from "./expressions.ts";
import {
  bindingSpecOf,
  type BindingSpec,
  type MatchResources,
  type PolicySpec,
  policySpecOf,
} from "./spec.ts";

/** Most items of each list of a policy, as in Kubernetes. */
const maxItems = 64;
const maxAuditAnnotations = 20;
const maxTextLength = 5 * 1_024;
const maxExpressionLength = 64 * 1_024;

type Rule = NonNullable<MatchResources["resourceRules"]>[number];

const operations = ["*", "CREATE", "UPDATE", "DELETE"];
const noConnect =
  "exec, proxies and other connections are judged by RBAC alone, take CONNECT off and use a role";

function needsItems(path: string, list: readonly string[] | undefined): Causes {
  const items = list ?? [];
  if (items.length === 0) return [requiredValue(path)];
  const mixed = items.includes("*") && items.length > 1;
  const why = "if '*' is present, must not specify other items";
  return mixed ? [invalidValue(path, items, why)] : [];
}

function operationCauses(rule: Rule, path: string): Causes {
  return (rule.operations ?? []).flatMap((operation, at) => {
    const field = `${path}.operations[${at}]`;
    if (operation === "CONNECT") return [forbiddenValue(field, noConnect)];
    return operations.includes(operation) ? [] : [unsupportedValue(field, operation, operations)];
  });
}

function ruleCauses(rule: Rule, path: string): Causes {
  const { resources = [] } = rule;
  return [
    ...needsItems(`${path}.apiGroups`, rule.apiGroups),
    ...needsItems(`${path}.apiVersions`, rule.apiVersions),
    ...needsItems(`${path}.operations`, rule.operations),
    ...(resources.length === 0 ? [requiredValue(`${path}.resources`)] : []),
    ...resources.flatMap((one, at) =>
      one === "" ? [requiredValue(`${path}.resources[${at}]`)] : [],
    ),
    ...oneOf(`${path}.scope`, rule.scope, ["*", "Cluster", "Namespaced"]),
    ...operationCauses(rule, path),
  ];
}

function matchCauses(resources: MatchResources, path: string): Causes {
  const rules = (list: "excludeResourceRules" | "resourceRules"): Causes =>
    (resources[list] ?? []).flatMap((rule, at) => ruleCauses(rule, `${path}.${list}[${at}]`));
  return [
    ...oneOf(`${path}.matchPolicy`, resources.matchPolicy, ["Equivalent", "Exact"]),
    ...selectorCauses(resources.namespaceSelector ?? {}, `${path}.namespaceSelector`),
    ...selectorCauses(resources.objectSelector ?? {}, `${path}.objectSelector`),
    ...rules("resourceRules"),
    ...rules("excludeResourceRules"),
  ];
}

function expressionCauses(path: string, text: string | undefined): Causes {
  if ((text ?? "").trim() === "") return [requiredValue(path, "expression is not specified")];
  return (text ?? "").length > maxExpressionLength ? [tooLongValue(path, maxExpressionLength)] : [];
}

function uniqueCauses(names: readonly string[], path: (at: number) => string): Causes {
  return names.flatMap((name, at) => {
    if (name === "") return [requiredValue(path(at))];
    return names.indexOf(name) < at ? [duplicateValue(path(at), name)] : [];
  });
}

function conditionCauses({ matchConditions = [] }: PolicySpec): Causes {
  const at = (index: number): string => `spec.matchConditions[${index}]`;
  return [
    ...tooMany("spec.matchConditions", matchConditions, maxItems),
    ...uniqueCauses(
      matchConditions.map(({ name }) => name),
      (index) => `${at(index)}.name`,
    ),
    ...matchConditions.flatMap(({ name, expression }, index) => [
      ...problemCauses(`${at(index)}.name`, name, qualifiedNameProblems(name)),
      ...expressionCauses(`${at(index)}.expression`, expression),
    ]),
  ];
}

function variableCauses({ variables = [] }: PolicySpec): Causes {
  const at = (index: number): string => `spec.variables[${index}]`;
  return [
    ...tooMany("spec.variables", variables, maxItems),
    ...uniqueCauses(
      variables.map(({ name }) => name),
      (index) => `${at(index)}.name`,
    ),
    ...variables.flatMap(({ name, expression }, index) => [
      ...(/^[A-Za-z_]\w*$/.test(name)
        ? []
        : [invalidValue(`${at(index)}.name`, name, "name is not a valid CEL identifier")]),
      ...expressionCauses(`${at(index)}.expression`, expression),
    ]),
  ];
}

const tooMany = (path: string, list: readonly unknown[], most: number): Causes =>
  list.length > most ? [tooManyValues(path, list.length, most)] : [];

const reasons = ["Unauthorized", "Forbidden", "Invalid", "RequestEntityTooLarge"];

function validationCauses({ validations = [] }: PolicySpec): Causes {
  return [
    ...tooMany("spec.validations", validations, maxItems),
    ...validations.flatMap(({ expression, message = "", reason }, index) => {
      const at = `spec.validations[${index}]`;
      const hasBreak = /[\n\r]/.test(message.trim());
      const unsaid = /[\n\r]/.test(expression.trim()) && message.trim() === "";
      return [
        ...expressionCauses(`${at}.expression`, expression),
        ...(hasBreak
          ? [invalidValue(`${at}.message`, message, "message must not contain line breaks")]
          : []),
        ...(unsaid
          ? [
              requiredValue(
                `${at}.message`,
                "message must be specified if expression contains line breaks",
              ),
            ]
          : []),
        ...(message.length > maxTextLength ? [tooLongValue(`${at}.message`, maxTextLength)] : []),
        ...oneOf(`${at}.reason`, reason, reasons),
      ];
    }),
  ];
}

function auditCauses({ auditAnnotations = [] }: PolicySpec): Causes {
  const at = (index: number): string => `spec.auditAnnotations[${index}]`;
  return [
    ...tooMany("spec.auditAnnotations", auditAnnotations, maxAuditAnnotations),
    ...uniqueCauses(
      auditAnnotations.map(({ key }) => key),
      (index) => `${at(index)}.key`,
    ),
    ...auditAnnotations.flatMap(({ key, valueExpression }, index) => [
      ...problemCauses(`${at(index)}.key`, key, qualifiedNameProblems(key)),
      ...expressionCauses(`${at(index)}.valueExpression`, valueExpression),
    ]),
  ];
}

function formCauses(spec: PolicySpec): Causes {
  const { paramKind, matchConstraints, validations = [], auditAnnotations = [] } = spec;
  const empty = validations.length === 0 && auditAnnotations.length === 0;
  const noRules = (matchConstraints?.resourceRules ?? []).length === 0;
  return [
    ...(paramKind === undefined
      ? []
      : (["apiVersion", "kind"] as const)
          .filter((field) => (paramKind[field] ?? "") === "")
          .map((field) => requiredValue(`spec.paramKind.${field}`))),
    ...(matchConstraints === undefined ? [requiredValue("spec.matchConstraints")] : []),
    ...(matchConstraints !== undefined && noRules
      ? [requiredValue("spec.matchConstraints.resourceRules")]
      : []),
    ...matchCauses(matchConstraints ?? {}, "spec.matchConstraints"),
    ...oneOf("spec.failurePolicy", spec.failurePolicy, ["Fail", "Ignore"]),
    ...conditionCauses(spec),
    ...variableCauses(spec),
    ...(empty
      ? [requiredValue("spec.validations", "validations or auditAnnotations must be non-empty")]
      : []),
    ...validationCauses(spec),
    ...auditCauses(spec),
  ];
}

/** Every reason why a policy cannot be used; what was accepted once may stay as it is. */
export function policyCauses(object: Body, before?: AnyObject): readonly StatusCause[] {
  if (before !== undefined && equalJson(object["spec"], before["spec"])) return [];
  const spec = policySpecOf(object as unknown as AnyObject) ?? {};
  const causes = formCauses(spec);
  if (causes.length > 0) return causes;
  return compilePolicy(spec).problems.map(({ field, text, why }) => invalidValue(field, text, why));
}

const actions = ["Audit", "Deny", "Warn"];

function refCauses({ paramRef }: BindingSpec): Causes {
  if (paramRef === undefined) return [];
  const { name = "", selector, parameterNotFoundAction } = paramRef;
  const field = "spec.paramRef";
  const choice = "exactly one of `name` and `selector` must be specified";
  const isClear = (name === "") !== (selector === undefined);
  return [
    ...(isClear
      ? []
      : [name === "" ? requiredValue(field, choice) : forbiddenValue(field, choice)]),
    ...selectorCauses(selector ?? {}, `${field}.selector`),
    ...(parameterNotFoundAction === undefined
      ? [requiredValue(`${field}.parameterNotFoundAction`)]
      : oneOf(`${field}.parameterNotFoundAction`, parameterNotFoundAction, ["Deny", "Allow"])),
  ];
}

/** Every reason why a binding cannot be used. */
export function bindingCauses(object: Body): readonly StatusCause[] {
  const spec = (object["spec"] ?? {}) as Partial<BindingSpec>;
  const { policyName = "", validationActions = [], matchResources } = spec;
  const path = "spec.validationActions";
  const both = validationActions.includes("Deny") && validationActions.includes("Warn");
  return [
    ...(policyName === "" ? [requiredValue("spec.policyName")] : []),
    ...refCauses(bindingSpecOf({ spec } as unknown as AnyObject)),
    ...matchCauses(matchResources ?? {}, "spec.matchResources"),
    ...(validationActions.length === 0 ? [requiredValue(path)] : []),
    ...validationActions.flatMap((action, at) => oneOf(`${path}[${at}]`, action, actions)),
    ...uniqueCauses(validationActions, (at) => `${path}[${at}]`),
    ...(both
      ? [
          invalidValue(
            path,
            validationActions,
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)",
          ),
        ]
      : []),
  ];
}
