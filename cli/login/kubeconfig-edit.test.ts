import { parse } from "yaml";
import { expect, test } from "vitest";
import { execUser } from "./exec-user.ts";
import { type KubeconfigLogin, loginPathIn, withAuthority, withLogin } from "./kubeconfig-edit.ts";

const login: KubeconfigLogin = {
  name: "prod",
  at: { server: "https://prod:6443", authority: "PEM" },
  exec: execUser(["lighthouse"], "/state/prod.json", "https://prod:6443"),
};

type Entries = readonly { readonly name: string }[];
type Written = { clusters: Entries; users: Entries; contexts: Entries; "current-context": string };

const written = (text: string): Written => parse(text) as Written;

test("withLogin() begins a file that is not there", () => {
  expect(written(withLogin("", login, "f"))).toEqual({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name: "prod",
        cluster: { server: "https://prod:6443", "certificate-authority-data": "UEVN" },
      },
    ],
    users: [
      {
        name: "prod",
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1",
            command: "lighthouse",
            args: ["credential", "--login", "/state/prod.json", "--server", "https://prod:6443"],
            interactiveMode: "Never",
            provideClusterInfo: false,
            installHint: 'Install lighthouse, then run "lighthouse login https://prod:6443"',
          },
        },
      },
    ],
    contexts: [{ name: "prod", context: { cluster: "prod", user: "prod" } }],
    "current-context": "prod",
  });
});

test("withLogin() replaces its own entries in place, and keeps all that is not its own", () => {
  const before = withLogin(
    '{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{"server":"https://a"}}],"users":null,"preferences":{"colors":true}}',
    { ...login, namespace: "shop" },
    "f",
  );
  const exec = execUser(["node", "l.mjs"], "/state/new.json", "https://prod:6443");
  const after = withLogin(before, { ...login, exec }, "f");
  expect(written(after).clusters.map(({ name }) => name)).toEqual(["a", "prod"]);
  expect(written(after).users).toHaveLength(1);
  expect(parse(after)).toMatchObject({ preferences: { colors: true } });
  expect(after).toContain("namespace: shop");
  expect(loginPathIn(before, "prod", "f")).toBe("/state/prod.json");
  expect(loginPathIn(after, "prod", "f")).toBe("/state/new.json");
});

test.each([
  ["a user with a token", "users: [{name: prod, user: {token: a}}]", /another user of that name/],
  ["a list", "[]", /expected a mapping/],
  ["no YAML", "a: [", /Cannot read kubeconfig f/],
])("withLogin() refuses %s", (_what, text, words) => {
  expect(() => withLogin(text, login, "f")).toThrow(words);
});

test("withLogin() keeps texts that look like something else", () => {
  const text = 'users:\n- name: "yes"\n  user: {token: "0777"}\n- name: no_way\n';
  expect(withLogin(text, login, "f")).toContain('- name: "yes"\n    user: { token: "0777" }');
});

test("withAuthority() replaces the roots of its own cluster alone", () => {
  const text = withLogin("", login, "f");
  const change = { name: "prod", server: "https://prod:6443", before: "PEM", after: "NEW" };
  const after = withAuthority(text, change, "f") ?? "";
  expect(after).toBe(text.replace("UEVN", "TkVX"));
  expect(withAuthority(after, change, "f")).toBeUndefined();
  expect(withAuthority(text, { ...change, server: "https://other" }, "f")).toBeUndefined();
  expect(withAuthority("", change, "f")).toBeUndefined();
});
