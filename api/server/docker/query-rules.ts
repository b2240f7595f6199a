import type { DockerQuery } from "../../machinery/docker/docker-url.ts";
import type { DockerOperation } from "../../machinery/docker/operations.ts";
import type { Finding } from "./shape.ts";

/** Names whose every value counts; of any other Docker takes the first, so a second one is refused. */
const lists = new Set([
  "t",
  "changes",
  "names",
  "platforms",
  "platform",
  "cachefrom",
  "extrahosts",
]);

type Rule = { readonly allowed: RegExp; readonly why: string };

const none = /^$/;
const rules: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  "/build": {
    networkmode: { allowed: /^(default|bridge|none)?$/, why: "other networks are refused" },
    remote: { allowed: none, why: "the host would fetch it from wherever it says" },
    cgroupparent: { allowed: none, why: "a cgroup parent of its own escapes the limits of others" },
    securityopt: { allowed: /^(\[\]|null)?$/, why: "it would lift what confines containers" },
    isolation: { allowed: /^(default)?$/, why: "only the default isolation" },
    version: {
      allowed: /^1?$/,
      why: "nobody can look into what BuildKit is told, build with DOCKER_BUILDKIT=0",
    },
    session: { allowed: none, why: "it is for BuildKit" },
    outputs: { allowed: none, why: "it is for BuildKit" },
  },
  "/images/create": {
    fromSrc: { allowed: /^-?$/, why: "the host would fetch it from wherever it says" },
  },
};

function ofValue(name: string, value: string, rule: Rule | undefined): readonly Finding[] {
  if (name === "labels" && /lighthouse\.dev/i.test(value))
    return [{ at: name, why: "labels of Lighthouse are set by Lighthouse alone", broken: true }];
  if (rule === undefined || rule.allowed.test(value)) return [];
  return [{ at: name, why: rule.why, broken: false }];
}

/** What is wrong with the query of an operation. */
export function findingsOfQuery(
  { pattern, query: known }: DockerOperation,
  query: DockerQuery,
): readonly Finding[] {
  const seen = new Set<string>();
  const own = rules[pattern] ?? {};
  return query.flatMap(([name, value]) => {
    const twice = seen.has(name) && !lists.has(name);
    seen.add(name);
    if (twice) return [{ at: name, why: "given twice", broken: true }];
    if (known !== undefined && !known.includes(name))
      return [{ at: name, why: "unknown parameter", broken: true }];
    return ofValue(name, value, own[name]);
  });
}
