import { expect, test } from "vitest";
import { configOfFlags, parseAuthenticationConfig } from "./oidc-config.ts";

const accounts = "https://kubernetes.default.svc";

/** A configuration with one issuer, whose parts a test replaces. */
function file(over: Readonly<Record<string, unknown>> = {}, top: object = {}): string {
  const one = {
    issuer: { url: "https://id.example.com", audiences: ["lighthouse"] },
    claimMappings: { username: { claim: "sub", prefix: "" } },
    ...over,
  };
  return JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthenticationConfiguration",
    jwt: [one],
    ...top,
  });
}

test("parseAuthenticationConfig() reads what Kubernetes documents", () => {
  const [first] = parseAuthenticationConfig(
    `
apiVersion: apiserver.config.k8s.io/v1beta1
kind: AuthenticationConfiguration
jwt:
- issuer:
    url: https://example.com
    discoveryURL: https://discovery.example.com/.well-known/openid-configuration
    audiences: [my-app, my-other-app]
    audienceMatchPolicy: MatchAny
  claimValidationRules:
  - claim: hd
    requiredValue: example.com
  - expression: 'claims.exp - claims.nbf <= 86400'
    message: total token lifetime must not exceed 24 hours
  claimMappings:
    username: {expression: 'claims.username + ":external-user"'}
    groups: {expression: 'claims.roles.split(",")'}
    uid: {claim: sub}
    extra:
    - key: example.com/tenant
      valueExpression: claims.tenant
  userValidationRules:
  - expression: "!user.username.startsWith('system:')"
    message: username cannot used reserved system prefix
`,
    accounts,
  );
  expect(first?.issuer.audiences).toEqual(["my-app", "my-other-app"]);
  expect(first?.claimValidationRules).toHaveLength(2);
});

const issuer = { url: "https://id.example.com", audiences: ["a"] };
const mapped = (username: object, more: object = {}) => ({ claimMappings: { username, ...more } });
test.each([
  ["http", { issuer: { ...issuer, url: "http://id.example.com" } }, /issuer.url must begin with h/],
  ["a user", { issuer: { ...issuer, url: "https://a@x.org" } }, /issuer.url must not contain a u/],
  ["a query", { issuer: { ...issuer, url: "https://x.org/?a" } }, /must not contain a query/],
  ["our own issuer", { issuer: { ...issuer, url: accounts } }, /that of our ServiceAccounts/],
  ["no audience", { issuer: { ...issuer, audiences: [] } }, /expected at least one audience/],
  ["two audiences", { issuer: { ...issuer, audiences: ["a", "b"] } }, /must be MatchAny/],
  ["one audience twice", { issuer: { ...issuer, audiences: ["a", "a"] } }, /names one twice/],
  ["discovery at url", { issuer: { ...issuer, discoveryURL: `${issuer.url}/` } }, /must differ/],
  ["no certificate", { issuer: { ...issuer, certificateAuthority: "x" } }, /no PEM certificate/],
  ["an egress", { issuer: { ...issuer, egressSelectorType: "cluster" } }, /egressSelectorType/],
  ["no username", mapped({}), /username needs either a claim or an expression/],
  ["two sources", mapped({ claim: "a", prefix: "", expression: "claims.a" }), /needs either/],
  ["a prefix of the system", mapped({ claim: "a", prefix: "system:" }), /must not begin with/],
  ["no prefix", mapped({ claim: "sub" }), /prefix is needed beside a claim/],
  ["a prefix too many", mapped({ expression: "claims.a", prefix: "x" }), /has no prefix here/],
  ["an unverified address", mapped({ expression: "claims.email" }), /email_verified must be used/],
  [
    "groups without prefix",
    mapped({ claim: "a", prefix: "" }, { groups: { claim: "g" } }),
    /groups.prefix is needed/,
  ],
  [
    "a reserved key",
    mapped(
      { claim: "a", prefix: "" },
      { extra: [{ key: "x.k8s.io/a", valueExpression: "claims.a" }] },
    ),
    /must not be below x.k8s.io/,
  ],
  [
    "a rule of two kinds",
    { claimValidationRules: [{ claim: "a", expression: "true" }] },
    /claimValidationRules.0 needs either/,
  ],
  [
    "a rule twice",
    { claimValidationRules: [{ claim: "a" }, { claim: "a" }] },
    /claimValidationRules.1 stands twice/,
  ],
  ["an unknown field", { issuers: [] }, /Unrecognized key: "issuers"/],
])("parseAuthenticationConfig() refuses %s", (_what, over, words) => {
  expect(() => parseAuthenticationConfig(file(over), accounts)).toThrow(words);
});

test("parseAuthenticationConfig() refuses anonymous users and other documents", () => {
  const anonymous = file({}, { anonymous: { enabled: true } });
  expect(() => parseAuthenticationConfig(anonymous, accounts)).toThrow(/no anonymous user/);
  expect(() => parseAuthenticationConfig("a: [", accounts)).toThrow(/Cannot read the auth/);
  expect(() => parseAuthenticationConfig("a: 1", accounts)).toThrow(/Cannot use the auth/);
});

test("parseAuthenticationConfig() takes an address that a rule looks at", () => {
  const rule = { expression: "claims.?email_verified.orValue(true) == true" };
  const over = { ...mapped({ expression: "claims.email" }), claimValidationRules: [rule] };
  expect(parseAuthenticationConfig(file(over), accounts)).toHaveLength(1);
});

const flags = { issuerUrl: "https://id.example.com", clientId: "lighthouse", requiredClaims: [] };
test.each([
  [{}, { claim: "sub", prefix: "https://id.example.com#" }],
  [{ usernameClaim: "email" }, { claim: "email", prefix: "" }],
  [
    { usernameClaim: "email", usernamePrefix: "oidc:" },
    { claim: "email", prefix: "oidc:" },
  ],
  [{ usernamePrefix: "-" }, { claim: "sub", prefix: "" }],
])("configOfFlags() prefixes names as Kubernetes does: %j", (over, want) => {
  const [first] = configOfFlags({ ...flags, ...over }, accounts);
  expect(first?.claimMappings.username).toEqual(want);
});

test("configOfFlags() reads groups and required claims", () => {
  const more = { groupsClaim: "roles", groupsPrefix: "oidc:", requiredClaims: ["hd=x=y"] };
  const [first] = configOfFlags({ ...flags, ...more }, accounts);
  expect(first?.claimMappings.groups).toEqual({ claim: "roles", prefix: "oidc:" });
  expect(first?.claimValidationRules).toEqual([{ claim: "hd", requiredValue: "x=y" }]);
  expect(() => configOfFlags({ ...flags, requiredClaims: ["hd"] }, accounts)).toThrow(
    /expected CLAIM=VALUE/,
  );
});
