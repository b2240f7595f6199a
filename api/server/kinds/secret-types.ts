import type { StatusCause } from "../../machinery/errors.ts";
import { invalidValue, requiredValue } from "../../machinery/field-causes.ts";
import { isObject, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

type Rule = (data: JsonObject, secret: Body) => readonly StatusCause[];

const at = (key: string): string => `data[${key}]`;
const has = (key: string): Rule => {
  return (data) => (data[key] === undefined ? [requiredValue(at(key))] : []);
};
const filled = (key: string): Rule => {
  return (data) => (textIn(data, key) === "" ? [requiredValue(at(key))] : []);
};

/** What is wrong with the text as a JSON object; the text itself is secret. */
function jsonProblem(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? undefined : "must be a JSON object";
  } catch {
    return "must be valid JSON";
  }
}

const json = (key: string): Rule => {
  return (data) => {
    if (data[key] === undefined) return [requiredValue(at(key))];
    const problem = jsonProblem(Buffer.from(textIn(data, key), "base64").toString());
    return problem === undefined
      ? []
      : [invalidValue(at(key), "<secret contents redacted>", problem)];
  };
};

const ofServiceAccount: Rule = (_data, { metadata }) => {
  const name = "kubernetes.io/service-account.name";
  return (metadata.annotations?.[name] ?? "") === ""
    ? [requiredValue(`metadata.annotations[${name}]`)]
    : [];
};

const username = has("username");
const password = has("password");

/** What the types that Kubernetes knows must hold; every other type may hold anything. */
const rules: ReadonlyMap<string, readonly Rule[]> = new Map([
  ["kubernetes.io/service-account-token", [ofServiceAccount]],
  ["kubernetes.io/dockercfg", [json(".dockercfg")]],
  ["kubernetes.io/dockerconfigjson", [json(".dockerconfigjson")]],
  [
    "kubernetes.io/basic-auth",
    [
      // One of the two is enough, and it may be empty.
      (data, secret) => {
        const missing = [...username(data, secret), ...password(data, secret)];
        return missing.length === 2 ? missing : [];
      },
    ],
  ],
  ["kubernetes.io/ssh-auth", [filled("ssh-privatekey")]],
  ["kubernetes.io/tls", [has("tls.crt"), has("tls.key")]],
]);

/** What a Secret lacks for its type. */
export function secretTypeCauses(secret: Body): readonly StatusCause[] {
  const { data } = secret;
  const values = isObject(data) ? data : {};
  return (rules.get(textIn(secret, "type")) ?? []).flatMap((rule) => rule(values, secret));
}
