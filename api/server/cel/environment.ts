import { type Checked, checkCel, type Variable } from "./check.ts";
import { functionTable, type FunctionTable } from "./function-table.ts";
import { authorizerFunctions } from "./lib-authorizer.ts";
import { coreFunctions } from "./lib-core.ts";
import { formatFunctions } from "./lib-format.ts";
import { listFunctions } from "./lib-lists.ts";
import { netFunctions } from "./lib-net.ts";
import { quantityFunctions } from "./lib-quantity.ts";
import { semverFunctions } from "./lib-semver.ts";
import { textFunctions } from "./lib-text.ts";
import { urlFunctions } from "./lib-url.ts";
import { timeFunctions } from "./time.ts";

/** What stands before the dot of functions that belong to no value. */
const namespaces = new Set(["ip", "format", "lists", "optional", "sets", "strings"]);

const libraries = [
  coreFunctions,
  timeFunctions,
  textFunctions,
  listFunctions,
  netFunctions,
  urlFunctions,
  quantityFunctions,
  semverFunctions,
  formatFunctions,
];

/** Every function that a rule may call. */
const functions = functionTable(libraries, namespaces);

let policyFunctions: FunctionTable | undefined;

/**
 * Reads an expression as Kubernetes' rules are read, and checks it against the types of its
 * variables.
 * @throws CelCheckError
 */
export function checkRule(text: string, variables: readonly Variable[]): Checked {
  return checkCel(text, variables, functions);
}

/**
 * The same for expressions of admission policies, which may also ask the authorizer.
 * @throws CelCheckError
 */
export function checkPolicy(text: string, variables: readonly Variable[]): Checked {
  policyFunctions ??= functionTable([...libraries, authorizerFunctions], namespaces);
  return checkCel(text, variables, policyFunctions);
}
