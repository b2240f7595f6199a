import { X509Certificate } from "node:crypto";
import { expect, test } from "vitest";
import { isBadRequest, isForbidden } from "../../machinery/errors.ts";
import type { Authenticator, Authorizer, User } from "../access.ts";
import { issueAuthority, issueCertificate } from "../pki/issue.ts";
import { certificateAuthenticator } from "./certificate.ts";
import { authenticatorChain } from "./chain.ts";
import { withImpersonation } from "./impersonate.ts";
import { bearerToken } from "./token.ts";

const nowMs = Date.UTC(2026, 10, 21);

async function certificateFor(user: string, groups: readonly string[]): Promise<Uint8Array> {
  const authority = await issueAuthority("test", nowMs);
  const request = { identity: { user, groups }, usage: "client", names: [], nowMs } as const;
  return new X509Certificate((await issueCertificate(authority, request)).certificate).raw;
}

const nobodyIs = (): boolean => false;

test("certificateAuthenticator() reads user and groups, once per certificate", async () => {
  const authenticator = certificateAuthenticator(nobodyIs);
  const certificate = await certificateFor("ann", ["ops", "a=b, c"]);
  const first = await authenticator.authenticate({ headers: {}, certificate });
  expect(first).toEqual({ name: "ann", groups: ["ops", "a=b, c"] });
  expect(await authenticator.authenticate({ headers: {}, certificate })).toBe(first);
});

test("certificateAuthenticator() knows nobody without a certificate or a name in it", async () => {
  const authenticator = certificateAuthenticator(nobodyIs);
  expect(await authenticator.authenticate({ headers: {} })).toBeUndefined();
  const certificate = await certificateFor("", ["ops"]);
  expect(await authenticator.authenticate({ headers: {}, certificate })).toBeUndefined();
});

test("certificateAuthenticator() does not know who is disabled now, but for administrators", async () => {
  const disabled = new Set<string>();
  const authenticator = certificateAuthenticator((name) => disabled.has(name));
  const certificate = await certificateFor("ann", ["ops"]);
  const knows = async (der: Uint8Array): Promise<boolean> =>
    (await authenticator.authenticate({ headers: {}, certificate: der })) !== undefined;
  expect(await knows(certificate)).toBe(true);
  disabled.add("ann");
  expect(await knows(certificate)).toBe(false);
  expect(await knows(await certificateFor("ann", ["system:masters"]))).toBe(true);
  disabled.delete("ann");
  expect(await knows(certificate)).toBe(true);
});

test.each([
  ["Bearer abc", "abc"],
  ["bearer  abc", "abc"],
  ["Basic abc", undefined],
  ["Bearer ", undefined],
  [undefined, undefined],
])("bearerToken() of %j is %j", (authorization, want) => {
  expect(bearerToken({ headers: { authorization } })).toBe(want);
});

const bob: User = { name: "bob", groups: ["dev"] };

const always = (user: User | undefined): Authenticator => ({ authenticate: async () => user });

test("authenticatorChain() takes the first that knows, and remembers the completed user", async () => {
  const chain = authenticatorChain([always(undefined), always(bob), always({ ...bob, name: "x" })]);
  const user = await chain.authenticate({ headers: {} });
  expect(user).toEqual({ name: "bob", groups: ["dev", "system:authenticated"] });
  expect(await chain.authenticate({ headers: {} })).toBe(user);
  expect(await authenticatorChain([always(undefined)]).authenticate({ headers: {} })).toBe(
    undefined,
  );
});

/** Allows to impersonate what is listed, as `group/plural/subresource namespace/name`. */
function allowing(...names: readonly string[]): { authorizer: Authorizer; asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    authorizer: {
      async authorize(_user, { verb, resource }) {
        const { group, plural, subresource, namespace, name } = resource ?? {};
        const text = `${verb} ${group}/${plural}/${subresource} ${namespace}/${name}`;
        asked.push(text);
        return { allowed: names.length === 0 || names.includes(text) };
      },
    },
  };
}

test("withImpersonation() asks for each named user, group, uid and extra", async () => {
  const { authorizer, asked } = allowing();
  const authenticator = withImpersonation(always(bob), authorizer);
  const user = await authenticator.authenticate({
    headers: {
      "impersonate-user": "eve",
      "impersonate-group": "ops, dev",
      "impersonate-uid": "u1",
      "impersonate-extra-reason%2Fwhy": ["a", "b"],
    },
  });
  expect(user).toEqual({
    name: "eve",
    uid: "u1",
    groups: ["ops", "dev", "system:authenticated"],
    extra: { "reason/why": ["a", "b"] },
    actor: bob,
  });
  expect(asked).toEqual([
    "impersonate /users/ /eve",
    "impersonate /groups/ /ops",
    "impersonate /groups/ /dev",
    "impersonate authentication.k8s.io/uids/ /u1",
    "impersonate authentication.k8s.io/userextras/reason/why /a",
    "impersonate authentication.k8s.io/userextras/reason/why /b",
  ]);
});

test("withImpersonation() refuses what the caller may not, naming it", async () => {
  const { authorizer } = allowing("impersonate /users/ /eve");
  const authenticator = withImpersonation(always(bob), authorizer);
  const headers = { "impersonate-user": "eve", "impersonate-group": "system:masters" };
  const failure = await authenticator.authenticate({ headers }).catch((err: unknown) => err);
  expect(isForbidden(failure)).toBe(true);
  expect(String(failure)).toContain(
    'groups "system:masters" is forbidden: User "bob" cannot impersonate resource "groups" in API group "" at the cluster scope',
  );
});

test("withImpersonation() reads service accounts as such", async () => {
  const { authorizer, asked } = allowing();
  const user = await withImpersonation(always(bob), authorizer).authenticate({
    headers: { "impersonate-user": "system:serviceaccount:shop:deployer" },
  });
  expect(asked).toEqual(["impersonate /serviceaccounts/ shop/deployer"]);
  expect(user?.groups).toEqual([
    "system:serviceaccounts",
    "system:serviceaccounts:shop",
    "system:authenticated",
  ]);
});

test.each([
  ["system:serviceaccount:shop", "users", "/system:serviceaccount:shop"],
  ["system:serviceaccount:a:b:c", "users", "/system:serviceaccount:a:b:c"],
  ["system:anonymous", "users", "/system:anonymous"],
])("withImpersonation() takes %s for a user", async (name, plural, asks) => {
  const { authorizer, asked } = allowing();
  const headers = { "impersonate-user": name };
  const user = await withImpersonation(always(bob), authorizer).authenticate({ headers });
  expect(asked).toEqual([`impersonate /${plural}/ ${asks}`]);
  const anonymous = name === "system:anonymous";
  expect(user?.groups).toEqual([anonymous ? "system:unauthenticated" : "system:authenticated"]);
});

test("withImpersonation() takes a key that is no encoding as it stands", async () => {
  const { authorizer } = allowing();
  const headers = { "impersonate-user": "eve", "impersonate-extra-%zz": "a" };
  const user = await withImpersonation(always(bob), authorizer).authenticate({ headers });
  expect(user?.extra).toEqual({ "%zz": ["a"] });
});

test("withImpersonation() leaves others alone and wants a user beside groups", async () => {
  const { authorizer } = allowing();
  expect(await withImpersonation(always(bob), authorizer).authenticate({ headers: {} })).toBe(bob);
  const nobody = withImpersonation(always(undefined), authorizer);
  expect(await nobody.authenticate({ headers: { "impersonate-user": "eve" } })).toBeUndefined();
  const failure = await withImpersonation(always(bob), authorizer)
    .authenticate({ headers: { "impersonate-group": "ops" } })
    .catch((err: unknown) => err);
  expect(isBadRequest(failure)).toBe(true);
});
