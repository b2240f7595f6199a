import { expect, test } from "vitest";
import { compileStructural } from "../api/server/schema/structural.ts";
import { crds } from "./crds.ts";

const schemaOf = (wanted: string): ReturnType<typeof compileStructural> => {
  const crd = crds.find(({ spec }) => spec.names.kind === wanted);
  return compileStructural(crd?.spec.versions[0]?.schema.openAPIV3Schema ?? {});
};
const [users, sessions] = [schemaOf("User"), schemaOf("Session")];

function breaches(spec: object): string[] {
  const object = { apiVersion: "lighthouse.dev/v1", kind: "User", metadata: { name: "ann" }, spec };
  users.setDefaults(object);
  return users.validate(object).map(({ field }) => String(field));
}

test("a User needs an email and is let in", () => {
  expect(breaches({ email: "Ann.O'Hara+x@mail.example.com", groups: ["dev"] })).toEqual([]);
  const object = { spec: { email: "ann@example.com" } };
  users.setDefaults(object);
  expect(object.spec).toEqual({ email: "ann@example.com", disabled: false });
  expect(breaches({})).toEqual(["spec.email"]);
});

test.each([
  ["", "empty"],
  ["ann", "no host"],
  ["@example.com", "nobody"],
  ["ann@exa mple.com", "a blank"],
  ["ann@example..com", "an empty label"],
  ["ann@-example.com", "a label that starts with a dash"],
  ["<script>@example.com", "markup"],
  ["ann@example.com\n", "a line end"],
  ["ann\u0000@example.com", "a null byte"],
  ["änn@example.com", "letters that look like others"],
  [`${"a".repeat(65)}@example.com`, "a long local part"],
])("the email %j is refused: %s", (email) => {
  expect(new Set(breaches({ email }))).toEqual(new Set(["spec.email"]));
});

test.each(["%d@example.com", "%s%n@example.com", "__proto__@example.com"])(
  "the email %j is nothing special",
  (email) => {
    expect(breaches({ email })).toEqual([]);
  },
);

test("groups of the server, and names that terminals or logs would act on, are refused", () => {
  const email = "ann@example.com";
  expect(breaches({ email, groups: ["dev", "system:masters"] })).toEqual(["spec.groups"]);
  expect(breaches({ email, groups: ["dev\n"] })).toEqual(["spec.groups[0]"]);
  expect(breaches({ email, groups: ["dev", "dev"] })).toEqual(["spec.groups[1]"]);
  expect(breaches({ email, displayName: "Ann \u001B[31m" })).toEqual(["spec.displayName"]);
  expect(breaches({ email, displayName: "Ann \u202E" })).toEqual(["spec.displayName"]);
  expect(breaches({ email, displayName: "Änn Ó Hara 李" })).toEqual([]);
});

test("the spec of a Session never changes", () => {
  const expires = "2026-01-01T00:00:00Z";
  const spec = { user: "ann", userUID: "1", client: "CLI", expires, idleSeconds: 60 };
  const session = (more: object): object => ({
    metadata: { name: "x" },
    spec: { ...spec, ...more },
  });
  expect(sessions.validate(session({}))).toEqual([]);
  expect(sessions.validate(session({}), session({}))).toEqual([]);
  const [breach] = sessions.validate(session({ user: "bob" }), session({}));
  expect(breach?.message).toContain("must not change");
});
