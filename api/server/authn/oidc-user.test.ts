import { expect, test } from "vitest";
import type { JwtConfig } from "./oidc-config.ts";
import { userMapper } from "./oidc-user.ts";

type Over = {
  readonly claimMappings?: Partial<JwtConfig["claimMappings"]>;
  readonly claimValidationRules?: JwtConfig["claimValidationRules"];
  readonly userValidationRules?: JwtConfig["userValidationRules"];
};

function configOf({ claimMappings, ...rules }: Over = {}): JwtConfig {
  const username = { claim: "sub", prefix: "oidc:" };
  return {
    issuer: { url: "https://id.example.com", audiences: ["lighthouse"] },
    claimMappings: { username, extra: [], ...claimMappings },
    claimValidationRules: [],
    userValidationRules: [],
    ...rules,
  };
}

const mapping = (over: Over, claims: Readonly<Record<string, unknown>>) =>
  userMapper(configOf(over), "jwt.0")(claims);

test("userMapper() maps claims with their prefixes, and remembers which token it was", () => {
  const groups = { claim: "roles", prefix: "oidc:" };
  const over = { claimMappings: { groups, uid: { claim: "id" } } };
  const claims = { sub: "ann", roles: ["dev", "ops"], id: "u1", jti: "t1" };
  expect(mapping(over, claims)).toEqual({
    user: {
      name: "oidc:ann",
      groups: ["oidc:dev", "oidc:ops"],
      uid: "u1",
      extra: { "authentication.kubernetes.io/credential-id": ["JTI=t1"] },
    },
    droppedGroups: [],
  });
  expect(mapping(over, { sub: "ann", roles: "dev" }).user.groups).toEqual(["oidc:dev"]);
  expect(mapping(over, { sub: "ann" }).user).toEqual({ name: "oidc:ann", groups: [] });
});

test("userMapper() evaluates expressions over claims and the user", () => {
  const { user } = mapping(
    {
      claimMappings: {
        username: { expression: 'claims.name + ":external"' },
        groups: { expression: 'claims.roles.split(",")' },
        extra: [
          { key: "example.com/tenant", valueExpression: "claims.?tenant.orValue('none')" },
          { key: "example.com/empty", valueExpression: "''" },
        ],
      },
      claimValidationRules: [{ expression: "claims.exp - claims.nbf <= 86400" }],
      userValidationRules: [{ expression: "user.groups.all(g, g.size() < 5)" }],
    },
    { name: "ann", roles: "dev,ops", exp: 90_000, nbf: 10_000 },
  );
  expect(user).toEqual({
    name: "ann:external",
    groups: ["dev", "ops"],
    extra: { "example.com/tenant": ["none"] },
  });
});

type Case = readonly [
  what: string,
  over: Over,
  claims: Readonly<Record<string, unknown>>,
  words: RegExp,
];
const noPrefix = { claim: "sub", prefix: "" };
test.each<Case>([
  ["no name", {}, {}, /name is not one text/],
  ["an empty name", {}, { sub: "" }, /claim sub is empty/],
  ["a name that is a number", {}, { sub: 7 }, /neither a text nor a list/],
  ["two names", {}, { sub: ["a", "b"] }, /name is not one text/],
  [
    "a name of the system",
    { claimMappings: { username: noPrefix } },
    { sub: "system:admin" },
    /one of the system/,
  ],
  [
    "an unverified address",
    { claimMappings: { username: { claim: "email", prefix: "" } } },
    { email: "a@b.c", email_verified: false },
    /email is not verified/,
  ],
  [
    "an address verified in words only",
    { claimMappings: { username: { claim: "email", prefix: "" } } },
    { email: "a@b.c", email_verified: "true" },
    /email is not verified/,
  ],
  [
    "an address that is none, and might be the name of a User",
    { claimMappings: { username: { claim: "email", prefix: "" } } },
    { email: "ann", email_verified: true },
    /email is no address/,
  ],
  [
    "another value than required",
    { claimValidationRules: [{ claim: "hd", requiredValue: "example.com" }] },
    { sub: "ann", hd: ["example.com"] },
    /claim hd has not the required value/,
  ],
  [
    "a broken rule",
    { claimValidationRules: [{ expression: "claims.hd == 'x'", message: "wrong domain" }] },
    { sub: "ann", hd: "y" },
    /^wrong domain$/,
  ],
  [
    "a rule about what is absent",
    { claimValidationRules: [{ expression: "claims.hd == 'x'" }] },
    { sub: "ann" },
    /cannot be evaluated: no such key/,
  ],
  [
    "a rule that is no truth value",
    { claimValidationRules: [{ expression: "claims.hd" }] },
    { sub: "ann", hd: "yes" },
    /is not met/,
  ],
  [
    "a claim of the prototype",
    { claimMappings: { username: { claim: "constructor", prefix: "" } } },
    { sub: "ann" },
    /name is not one text/,
  ],
  [
    "groups that a rule refuses, though they would be dropped",
    {
      claimMappings: { groups: { claim: "g", prefix: "" } },
      userValidationRules: [{ expression: "user.groups.all(g, !g.startsWith('system:'))" }],
    },
    { sub: "ann", g: ["system:masters"] },
    /userValidationRules.0 is not met/,
  ],
])("userMapper() refuses %s", (_what, over, claims, words) => {
  expect(() => mapping(over, claims)).toThrow(words);
});

test("userMapper() gives nobody a group of the system", () => {
  const over = { claimMappings: { groups: { claim: "g", prefix: "" } } };
  const { user, droppedGroups } = mapping(over, { sub: "ann", g: ["system:masters", "dev"] });
  expect([user.groups, droppedGroups]).toEqual([["dev"], ["system:masters"]]);
});

test("userMapper() names an expression that is none", () => {
  const over = { claimMappings: { username: { expression: "claims.sub +" } } };
  expect(() => userMapper(configOf(over), "jwt.3")).toThrow(/jwt.3.claimMappings.username.exp/);
  const unknown = { userValidationRules: [{ expression: "claims.sub == ''" }] };
  expect(() => userMapper(configOf(unknown), "jwt.0")).toThrow(/userValidationRules.0/);
});
