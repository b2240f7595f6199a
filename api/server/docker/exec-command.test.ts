import { expect, test } from "vitest";
import { execCommandOf } from "./exec-command.ts";

const of = (path: string, body: unknown): string | undefined =>
  execCommandOf(path, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));

test.each<[string, unknown, string | undefined]>([
  [
    "/v1.43/containers/web/exec",
    { Cmd: ["sh", "-c", "id"], Env: ["A=secret"] },
    '["sh","-c","id"]',
  ],
  ["/containers/web/exec", { Cmd: "id" }, '"id"'],
  ["/containers/web/exec", {}, undefined],
  ["/containers/web/exec", "{", undefined],
  ["/containers/create", { Cmd: ["id"] }, undefined],
])("execCommandOf(%s, %j) is %s", (path, body, wanted) => {
  expect(of(path, body)).toBe(wanted);
});

test("execCommandOf() bounds what it tells", () => {
  expect(of("/containers/web/exec", { Cmd: ["x".repeat(5_000)] })).toHaveLength(1_024);
});
