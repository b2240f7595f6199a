import { X509Certificate } from "node:crypto";
import { parseDocument } from "yaml";
import { z } from "zod";
import { qualifiedNameProblems } from "../../machinery/names.ts";

/*
 * Kubernetes' structured configuration of authenticators, with its field names and rules:
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
 */

const text = z.string().min(1);

const source = z.strictObject({
  claim: text.optional(),
  prefix: z.string().optional(),
  expression: text.optional(),
});

const claimRule = z.strictObject({
  claim: text.optional(),
  requiredValue: z.string().optional(),
  expression: text.optional(),
  message: z.string().optional(),
});

const userRule = z.strictObject({ expression: text, message: z.string().optional() });

const issuer = z.strictObject({
  url: text,
  discoveryURL: text.optional(),
  certificateAuthority: text.optional(),
  audiences: z.array(text).min(1, "expected at least one audience"),
  audienceMatchPolicy: z.literal("MatchAny").optional(),
});

const jwt = z.strictObject({
  issuer,
  claimValidationRules: z.array(claimRule).default([]),
  claimMappings: z.strictObject({
    username: source,
    groups: source.optional(),
    uid: source.optional(),
    extra: z.array(z.strictObject({ key: text, valueExpression: text })).default([]),
  }),
  userValidationRules: z.array(userRule).default([]),
});

const configuration = z.strictObject({
  apiVersion: z.enum([
    "apiserver.config.k8s.io/v1",
    "apiserver.config.k8s.io/v1beta1",
    "apiserver.config.k8s.io/v1alpha1",
  ]),
  kind: z.literal("AuthenticationConfiguration"),
  jwt: z.array(jwt).max(64, "expected at most 64 issuers").default([]),
  anonymous: z
    .strictObject({
      enabled: z.literal(false, "there is no anonymous user: only false is possible"),
    })
    .optional(),
});

/** Where a fact about a user comes from: a claim as it stands, with a prefix, or a CEL expression. */
export type ClaimSource = z.infer<typeof source>;

/** One issuer: whom it may speak for, and how its claims become a user. */
export type JwtConfig = z.infer<typeof jwt>;

type Problem = { readonly path: readonly (string | number)[]; readonly message: string };
type Report = (message: string, ...path: (string | number)[]) => void;

function urlProblem(url: string): string | undefined {
  if (!URL.canParse(url)) return "is no URL";
  const { protocol, username, password, search, hash } = new URL(url);
  if (protocol !== "https:") return "must begin with https://";
  if (username !== "" || password !== "") return "must not contain a user";
  return search !== "" || hash !== "" ? "must not contain a query or a fragment" : undefined;
}

function checkIssuer({ issuer: one }: JwtConfig, report: Report): void {
  const { url, discoveryURL, audiences, audienceMatchPolicy, certificateAuthority } = one;
  const [main, other] = [urlProblem(url), urlProblem(discoveryURL ?? url)];
  if (main !== undefined) report(main, "issuer", "url");
  if (discoveryURL !== undefined) {
    if (other !== undefined) report(other, "issuer", "discoveryURL");
    if (discoveryURL.replace(/\/+$/, "") === url.replace(/\/+$/, ""))
      report("must differ from url", "issuer", "discoveryURL");
  }
  if (new Set(audiences).size < audiences.length) report("names one twice", "issuer", "audiences");
  if (audiences.length > 1 && audienceMatchPolicy === undefined)
    report("must be MatchAny for several audiences", "issuer", "audienceMatchPolicy");
  if (certificateAuthority !== undefined && !isCertificate(certificateAuthority))
    report("is no PEM certificate", "issuer", "certificateAuthority");
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

/** A source has exactly one origin; a claim of names needs a prefix, be it empty. */
function checkSource(name: "username" | "groups" | "uid", from: ClaimSource, report: Report): void {
  const { claim, prefix, expression } = from;
  const path = ["claimMappings", name] as const;
  if ((claim === undefined) === (expression === undefined))
    report("needs either a claim or an expression", ...path);
  if (name === "uid" ? prefix !== undefined : expression !== undefined && prefix !== undefined)
    report("has no prefix here", ...path, "prefix");
  if (prefix?.startsWith("system:") === true)
    report("must not begin with system:, where no issuer reaches", ...path, "prefix");
  if (name !== "uid" && claim !== undefined && prefix === undefined)
    report('is needed beside a claim; "" for none', ...path, "prefix");
}

/** `claims.email` by its name, and not `claims.email_verified`. */
const usesEmail = /\bclaims\s*\.\s*email\b/;
const usesVerified = /\bclaims\s*\.\s*\??\s*email_verified\b/;

/** An address that the issuer did not verify is anybody's: an expression must look at that. */
function checkEmail({ claimMappings, claimValidationRules }: JwtConfig, report: Report): void {
  const { username, extra } = claimMappings;
  if (username.expression === undefined || !usesEmail.test(username.expression)) return;
  const expressions = [
    username.expression,
    ...extra.map(({ valueExpression }) => valueExpression),
    ...claimValidationRules.map(({ expression = "" }) => expression),
  ];
  if (expressions.some((one) => usesVerified.test(one))) return;
  const path = ["claimMappings", "username", "expression"] as const;
  report("uses claims.email: claims.email_verified must be used in it or in a rule", ...path);
}

function checkExtra({ claimMappings: { extra } }: JwtConfig, report: Report): void {
  const seen = new Set<string>();
  extra.forEach(({ key }, index) => {
    const path = ["claimMappings", "extra", index, "key"] as const;
    const [domain = ""] = key.split("/", 1);
    const own = /(^|\.)(k8s\.io|kubernetes\.io|lighthouse\.dev)$/.test(domain);
    if (key !== key.toLowerCase()) report("must be lower case", ...path);
    if (!key.includes("/") || qualifiedNameProblems(key).length > 0)
      report("must be a path with a domain, e.g. example.com/tenant", ...path);
    if (own) report(`must not be below ${domain}, which is reserved`, ...path);
    if (seen.has(key)) report("stands twice", ...path);
    seen.add(key);
  });
}

function checkRules(
  { claimValidationRules, userValidationRules }: JwtConfig,
  report: Report,
): void {
  const seen = new Set<string>();
  claimValidationRules.forEach(({ claim, requiredValue, expression, message }, index) => {
    const path = ["claimValidationRules", index] as const;
    if ((claim === undefined) === (expression === undefined))
      report("needs either a claim or an expression", ...path);
    if (expression !== undefined && requiredValue !== undefined)
      report("is for claims only", ...path, "requiredValue");
    if (claim !== undefined && message !== undefined)
      report("is for expressions only", ...path, "message");
    const id = claim === undefined ? `expression ${expression}` : `claim ${claim}`;
    if (seen.has(id)) report("stands twice", ...path);
    seen.add(id);
  });
  const users = userValidationRules.map(({ expression }) => expression);
  if (new Set(users).size < users.length) report("names a rule twice", "userValidationRules");
}

function problemsOf(all: readonly JwtConfig[], accountIssuer: string): readonly Problem[] {
  const problems: Problem[] = [];
  all.forEach((one, index) => {
    const report: Report = (message, ...path) =>
      void problems.push({ path: ["jwt", index, ...path], message });
    checkIssuer(one, report);
    const { username, groups, uid } = one.claimMappings;
    checkSource("username", username, report);
    if (groups !== undefined) checkSource("groups", groups, report);
    if (uid !== undefined) checkSource("uid", uid, report);
    checkEmail(one, report);
    checkExtra(one, report);
    checkRules(one, report);
    const { url } = one.issuer;
    if (url === accountIssuer) report("is that of our ServiceAccounts", "issuer", "url");
    if (all.findIndex((other) => other.issuer.url === url) < index)
      report("stands twice", "issuer", "url");
  });
  return problems;
}

function read(input: unknown, accountIssuer: string): readonly JwtConfig[] {
  const { data, error } = configuration.safeParse(input);
  if (error !== undefined) {
    throw new Error(`Cannot use the authentication configuration:\n${z.prettifyError(error)}`);
  }
  const problems = problemsOf(data.jwt, accountIssuer);
  if (problems.length === 0) return data.jwt;
  const lines = problems.map(({ path, message }) => `✖ ${path.join(".")} ${message}`);
  throw new Error(`Cannot use the authentication configuration:\n${lines.join("\n")}`);
}

/**
 * Reads a file in the format of `--authentication-config`.
 * @param accountIssuer the `iss` of our own ServiceAccount tokens, which no other may have
 * @throws Error that lists every wrong field
 */
export function parseAuthenticationConfig(
  fileText: string,
  accountIssuer: string,
): readonly JwtConfig[] {
  const document = parseDocument(fileText, { version: "1.1" });
  const [broken] = document.errors;
  if (broken !== undefined) {
    throw new Error(`Cannot read the authentication configuration: ${broken.message}`);
  }
  return read(document.toJS({ maxAliasCount: 100 }), accountIssuer);
}

/** The short flags, as kube-apiserver has them. */
export type OidcFlags = {
  readonly issuerUrl: string;
  readonly clientId: string;
  /** Default `sub`. */
  readonly usernameClaim?: string | undefined;
  /** Default `ISSUER#`, and none for the claim `email`; `-` is none. */
  readonly usernamePrefix?: string | undefined;
  readonly groupsClaim?: string | undefined;
  readonly groupsPrefix?: string | undefined;
  /** Each `CLAIM=VALUE`. */
  readonly requiredClaims: readonly string[];
  /** PEM of the issuer's authority; absent: the public ones. */
  readonly authority?: string | undefined;
};

function prefixOf({ usernamePrefix, usernameClaim = "sub", issuerUrl }: OidcFlags): string {
  if (usernamePrefix === "-") return "";
  return usernamePrefix ?? (usernameClaim === "email" ? "" : `${issuerUrl}#`);
}

function ruleOf(required: string): { readonly claim: string; readonly requiredValue: string } {
  const at = required.indexOf("=");
  if (at < 1) {
    throw new Error(`Cannot use the required claim "${required}": expected CLAIM=VALUE`);
  }
  return { claim: required.slice(0, at), requiredValue: required.slice(at + 1) };
}

/** The configuration that short flags stand for. @throws Error that lists what is wrong */
export function configOfFlags(flags: OidcFlags, accountIssuer: string): readonly JwtConfig[] {
  const { issuerUrl, clientId, usernameClaim = "sub", groupsClaim, groupsPrefix = "" } = flags;
  const groups = groupsClaim === undefined ? {} : { claim: groupsClaim, prefix: groupsPrefix };
  const one = {
    issuer: {
      url: issuerUrl,
      audiences: [clientId],
      ...(flags.authority === undefined ? {} : { certificateAuthority: flags.authority }),
    },
    claimMappings: {
      username: { claim: usernameClaim, prefix: prefixOf(flags) },
      ...(groupsClaim === undefined ? {} : { groups }),
    },
    claimValidationRules: flags.requiredClaims.map(ruleOf),
  };
  const kind = "AuthenticationConfiguration";
  return read({ apiVersion: "apiserver.config.k8s.io/v1", kind, jwt: [one] }, accountIssuer);
}
