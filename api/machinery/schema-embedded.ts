import { invalidValue, requiredValue, wrongType } from "./field-causes.ts";
import {
  labelValueProblems,
  qualifiedNameProblems,
  rfc1035LabelProblems,
  subdomainProblems,
} from "./names.ts";
import { isJsonObject, jsonType } from "./schema-value.ts";
import { type Check, descend, here, report } from "./schema-walk.ts";

type Problems = (text: string) => readonly string[];

/** A field that must be there, be a text, and be a good one. */
const needed =
  (problems: Problems): Check =>
  (value, walk) => {
    const path = here(walk);
    if (value === undefined || value === null || value === "")
      return report(walk, requiredValue(path, "must not be empty"));
    if (typeof value !== "string")
      return report(walk, wrongType(path, jsonType(value), "must be a string"));
    for (const problem of problems(value)) report(walk, invalidValue(path, value, problem));
  };

const apiVersionProblems: Problems = (text) => {
  const parts = text.split("/");
  const [first = "", second] = parts;
  if (parts.length > 2) return ["unexpected GroupVersion string"];
  if (second === undefined) return rfc1035LabelProblems(first);
  return [...subdomainProblems(first), ...rfc1035LabelProblems(second)];
};

const kindProblems: Problems = (text) =>
  rfc1035LabelProblems(text.toLowerCase()).map(
    (problem) => `may have mixed case, but should otherwise match: ${problem}`,
  );

/** Names of objects of any kind: no more is known of their rules. */
const nameProblems: Problems = (name) => {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"]
    .filter((char) => name.includes(char))
    .map((char) => `may not contain '${char}'`);
};

const optionalText =
  (problems: Problems): Check =>
  (value, walk) => {
    if (value === undefined || value === null) return;
    if (typeof value !== "string")
      return report(walk, wrongType(here(walk), jsonType(value), "must be a string"));
    if (value === "") return;
    for (const problem of problems(value)) report(walk, invalidValue(here(walk), value, problem));
  };

const textMap =
  (keyProblems: Problems, valueProblems: Problems): Check =>
  (value, walk) => {
    if (value === undefined || value === null) return;
    const path = here(walk);
    if (!isJsonObject(value))
      return report(walk, wrongType(path, jsonType(value), "must be a map of strings"));
    for (const [key, inner] of Object.entries(value)) {
      for (const problem of keyProblems(key)) report(walk, invalidValue(path, key, problem));
      if (typeof inner !== "string")
        report(walk, wrongType(path, jsonType(inner), "must be a map of strings"));
      else
        for (const problem of valueProblems(inner))
          report(walk, invalidValue(path, inner, problem));
    }
  };

const metadataFields: Readonly<Record<string, Check>> = {
  name: optionalText(nameProblems),
  generateName: optionalText(nameProblems),
  namespace: optionalText(nameProblems),
  labels: textMap(qualifiedNameProblems, labelValueProblems),
  annotations: textMap(
    (key) => qualifiedNameProblems(key.toLowerCase()),
    () => [],
  ),
};

const metadataCheck: Check = (value, walk) => {
  if (value === undefined || value === null) return;
  if (!isJsonObject(value))
    return report(walk, wrongType(here(walk), jsonType(value), "must be an object"));
  for (const [name, check] of Object.entries(metadataFields))
    descend(walk, name, value[name], check);
};

const own: readonly (readonly [string, Check])[] = [
  ["apiVersion", needed(apiVersionProblems)],
  ["kind", needed(kindProblems)],
  ["metadata", metadataCheck],
];

/** What every object inside of an object must have: an apiVersion, a kind, and sound metadata. */
export const embeddedCheck: Check = (value, walk) => {
  if (!isJsonObject(value)) return;
  for (const [name, check] of own) descend(walk, name, value[name], check);
};
