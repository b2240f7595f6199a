import type { JWTPayload } from "jose";
import { isJsonObject } from "../../machinery/schema-value.ts";
import type { User } from "../access.ts";
import { checkRule } from "../cel/environment.ts";
import { CelBudgetError, compileNode } from "../cel/run.ts";
import { type CelType, celTypes, listOf, mapOf } from "../cel/types.ts";
import { CelError, type CelValue } from "../cel/value.ts";
import type { ClaimSource, JwtConfig } from "./oidc-config.ts";

/** Why a token that is genuine stands for nobody; never with anything of the token but claims' names. */
export class ClaimProblem extends Error {
  override readonly name = "ClaimProblem";
}

/** What a token's claims make of its bearer. */
export type Mapped = {
  readonly user: User;
  /** Groups that it claimed and does not get: no issuer gives those of the system. */
  readonly droppedGroups: readonly string[];
};

/** The user that claims stand for. @throws ClaimProblem */
export type ToUser = (claims: JWTPayload) => Mapped;

/** What one expression may cost, in Kubernetes' units. */
const budget = 1_000_000;

const reserved = "system:";

const text = celTypes.string;
const userType: CelType = {
  name: "UserInfo",
  args: [],
  fields: new Map([
    ["username", text],
    ["uid", text],
    ["groups", listOf(text)],
    ["extra", mapOf(text, listOf(text))],
  ]),
};
const variables = {
  claims: { name: "claims", type: mapOf(text, celTypes.dyn) },
  user: { name: "user", type: userType },
} as const;

/** JSON as expressions see it: whole numbers are integers. */
function toCel(value: unknown): CelValue {
  if (Array.isArray(value)) return value.map(toCel);
  if (isJsonObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toCel(inner)]));
  }
  return Number.isSafeInteger(value) ? BigInt(value as number) : value;
}

type Evaluate = (value: CelValue) => CelValue;

/** @throws Error naming the expression that cannot be used */
function compile(expression: string, variable: keyof typeof variables, where: string): Evaluate {
  try {
    const { node, slots } = checkRule(expression, [variables[variable]]);
    const program = compileNode(node, slots);
    return (value) => {
      try {
        return program([value], { left: budget });
      } catch (err) {
        if (!(err instanceof CelError || err instanceof CelBudgetError)) throw err;
        throw new ClaimProblem(`${where} cannot be evaluated: ${err.message}`, { cause: err });
      }
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`Cannot use the authentication configuration:\n✖ ${where}: ${why}`, { cause });
  }
}

/** The claims, raw and as expressions see them. */
type Claims = { readonly raw: Readonly<Record<string, unknown>>; readonly cel: CelValue };

type Read = (claims: Claims) => readonly string[];

const own = (claims: Claims, name: string): unknown =>
  Object.hasOwn(claims.raw, name) ? claims.raw[name] : undefined;

/** A text or a list of texts; what is absent is none. @throws ClaimProblem */
function textsIn(value: unknown, where: string): readonly string[] {
  if (value === undefined || value === null) return [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => {
    if (typeof one === "string") return one;
    throw new ClaimProblem(`${where} is neither a text nor a list of texts`);
  });
}

function reader(source: ClaimSource | undefined, where: string): Read {
  if (source === undefined) return () => [];
  const { claim, prefix = "", expression } = source;
  if (expression !== undefined) {
    const evaluate = compile(expression, "claims", `${where}.expression`);
    return ({ cel }) => textsIn(evaluate(cel), `${where}.expression`);
  }
  const name = claim ?? "";
  return (claims) => textsIn(own(claims, name), `claim ${name}`).map((one) => `${prefix}${one}`);
}

/** Exactly one text that is not empty. @throws ClaimProblem */
function only(values: readonly string[], where: string): string {
  const [value = "", ...more] = values;
  if (value === "" || more.length > 0) throw new ClaimProblem(`${where} is not one text`);
  return value;
}

type Check = (value: Claims) => void;

function claimChecks({ claimValidationRules }: JwtConfig, at: string): readonly Check[] {
  return claimValidationRules.map((rule, index): Check => {
    const { claim, requiredValue = "", expression = "", message = "" } = rule;
    const where = `${at}.claimValidationRules.${index}`;
    if (claim !== undefined) {
      return (claims) => {
        if (own(claims, claim) === requiredValue) return;
        throw new ClaimProblem(`claim ${claim} has not the required value`);
      };
    }
    const evaluate = compile(expression, "claims", `${where}.expression`);
    return ({ cel }) => {
      if (evaluate(cel) !== true) throw new ClaimProblem(message || `${where} is not met`);
    };
  });
}

/**
 * An address that its issuer says it did not verify is anybody's, and a text without an `@` is none: without
 * a prefix it could be the name of somebody else, of a User or a certificate.
 */
function checkEmail(claims: Claims): void {
  const email = own(claims, "email");
  if (typeof email === "string" && !email.includes("@"))
    throw new ClaimProblem("email is no address");
  const verified = own(claims, "email_verified");
  if (verified !== undefined && verified !== true) throw new ClaimProblem("email is not verified");
}

function userChecks({ userValidationRules }: JwtConfig, at: string): (user: User) => void {
  const rules = userValidationRules.map(({ expression, message = "" }, index) => {
    const where = `${at}.userValidationRules.${index}`;
    return { where, message, evaluate: compile(expression, "user", `${where}.expression`) };
  });
  return ({ name, uid = "", groups, extra = {} }) => {
    const value = { username: name, uid, groups: [...groups], extra };
    for (const { where, message, evaluate } of rules) {
      if (evaluate(value) !== true) throw new ClaimProblem(message || `${where} is not met`);
    }
  };
}

function extraReader({ claimMappings: { extra } }: JwtConfig, at: string) {
  const readers = extra.map(({ key, valueExpression }, index) => {
    const where = `${at}.claimMappings.extra.${index}.valueExpression`;
    return { key, where, evaluate: compile(valueExpression, "claims", where) };
  });
  return (claims: Claims): Readonly<Record<string, readonly string[]>> => {
    const jti = own(claims, "jti");
    const found = readers
      .map(({ key, where, evaluate }) => [key, textsIn(evaluate(claims.cel), where)] as const)
      .map(([key, values]) => [key, values.filter((value) => value !== "")] as const)
      .filter(([, values]) => values.length > 0);
    // Kubernetes' own key: audits tell tokens apart by it.
    const id = typeof jti === "string" ? [`JTI=${jti}`] : [];
    return Object.fromEntries(
      id.length === 0 ? found : [...found, ["authentication.kubernetes.io/credential-id", id]],
    );
  };
}

/**
 * How the claims of an issuer's tokens become a user, by Kubernetes' rules. Stricter in one thing: no
 * issuer makes users or groups of the system, whatever its configuration says.
 *
 * @param at where the configuration stands, for messages, e.g. `jwt.0`
 * @throws Error naming an expression that is no CEL
 */
export function userMapper(config: JwtConfig, at: string): ToUser {
  const { username, groups, uid } = config.claimMappings;
  const where = `${at}.claimMappings`;
  const [readName, readGroups, readUid] = [
    reader(username, `${where}.username`),
    reader(groups, `${where}.groups`),
    reader(uid, `${where}.uid`),
  ];
  const checks = [...(username.claim === "email" ? [checkEmail] : []), ...claimChecks(config, at)];
  const readExtra = extraReader(config, at);
  const checkUser = userChecks(config, at);
  return (payload) => {
    const claims: Claims = { raw: payload, cel: toCel(payload) };
    for (const check of checks) check(claims);
    const bare = username.claim === undefined ? undefined : own(claims, username.claim);
    if (bare === "") throw new ClaimProblem(`claim ${username.claim} is empty`);
    const name = only(readName(claims), "the user's name");
    if (name.startsWith(reserved)) throw new ClaimProblem("the user's name is one of the system");
    const claimed = readGroups(claims).filter((group) => group !== "");
    const id = readUid(claims);
    const extra = readExtra(claims);
    const user: User = {
      name,
      groups: claimed.filter((group) => !group.startsWith(reserved)),
      ...(id.length === 0 ? {} : { uid: only(id, "the user's uid") }),
      ...(Object.keys(extra).length === 0 ? {} : { extra }),
    };
    // Rules judge what was claimed: one that refuses such groups must see them.
    checkUser({ ...user, groups: claimed });
    return { user, droppedGroups: claimed.filter((group) => group.startsWith(reserved)) };
  };
}
