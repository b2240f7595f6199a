import { readImageReference } from "./reference.ts";

/** Where images may come from. */
export type ImagePolicy = {
  /**
   * Registries and what is below them, e.g. `registry.example.com`, `docker.io/library` or
   * `*.example.com`. Absent: from everywhere.
   */
  readonly allowed?: readonly string[];
  /** Only images that are named by digest: a tag may be another image tomorrow. */
  readonly requireDigest: boolean;
};

const host =
  "(?:\\*\\.)?[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\\d{1,5})?|\\[[0-9a-f:]+\\](?::\\d{1,5})?";
const rulePattern = new RegExp(`^(${host})((?:/[a-z0-9._-]+)*)$`);

/** What is wrong with an entry of the list of allowed images; `undefined`: nothing. */
export function allowedImageProblem(rule: string): string | undefined {
  const [, domain = "", path = ""] = rulePattern.exec(rule) ?? [];
  if (domain === "")
    return "must be a registry, or a part of one, in lower case and without a tag, e.g. docker.io/library";
  const isHost = /[.:]/.test(domain) || domain === "localhost";
  if (!isHost) return `must begin with a registry, e.g. docker.io/${domain}${path}`;
  return undefined;
}

function fits(rule: string, domain: string, path: string): boolean {
  const slash = rule.indexOf("/");
  const [wanted, below] = slash < 0 ? [rule, ""] : [rule.slice(0, slash), rule.slice(slash + 1)];
  // The star stands for names below, never for the name itself: it may be somebody else's.
  const isDomain = wanted.startsWith("*.") ? domain.endsWith(wanted.slice(1)) : domain === wanted;
  return isDomain && (below === "" || path === below || path.startsWith(`${below}/`));
}

/** Why an image may not be used, as the end of a sentence; `undefined` when it may. */
export function imageProblem(image: string, policy: ImagePolicy): string | undefined {
  const { allowed, requireDigest } = policy;
  if (allowed === undefined && !requireDigest) return undefined;
  const reference = readImageReference(image);
  if (reference === undefined)
    return "is no name of an image in a registry, so nobody can say where it is from";
  const { domain, path, digest } = reference;
  if (allowed !== undefined && !allowed.some((rule) => fits(rule, domain, path))) {
    const list = allowed.length === 0 ? "none" : allowed.join(", ");
    return `is ${domain}/${path}, allowed are ${list}`;
  }
  if (requireDigest && digest === undefined)
    return `has no digest, which is required: use ${domain}/${path}@sha256:…`;
  return undefined;
}
