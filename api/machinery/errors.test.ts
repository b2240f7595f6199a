import { expect, test } from "vitest";
import * as errors from "./errors.ts";

const pods = { group: "", plural: "pods" };
const applications = { group: "lighthouse.dev", plural: "applications" };
const cause = { reason: "FieldValueInvalid", message: "Invalid value: 0", field: "spec.replicas" };
const kind = { group: "lighthouse.dev", kind: "Application" };

test.each<[errors.StatusError, number, string]>([
  [errors.notFound(pods, "web"), 404, 'pods "web" not found'],
  [
    errors.alreadyExists(applications, "web"),
    409,
    'applications.lighthouse.dev "web" already exists',
  ],
  [
    errors.conflict(pods, "web"),
    409,
    'Operation cannot be fulfilled on pods "web": the object has been modified; please apply your changes to the latest version and try again',
  ],
  [
    errors.conflict(pods, "web", "the UID differs"),
    409,
    'Operation cannot be fulfilled on pods "web": the UID differs',
  ],
  [errors.revisionConflict("/k", 7, 0), 409, "Cannot write /k: it is at 7, expected absent"],
  [
    errors.invalid(kind, "web", [cause]),
    422,
    'Application.lighthouse.dev "web" is invalid: spec.replicas: Invalid value: 0',
  ],
  [
    errors.invalid({ group: "", kind: "Pod" }, "web", [cause, { reason: "x", message: "y" }]),
    422,
    'Pod "web" is invalid: [spec.replicas: Invalid value: 0, y]',
  ],
  [
    errors.invalid({ group: "", kind: "Pod" }, "web", [{ ...cause, field: "" }]),
    422,
    'Pod "web" is invalid: Invalid value: 0',
  ],
  [errors.invalid({ group: "", kind: "Pod" }, "web", []), 422, 'Pod "web" is invalid: []'],
  [errors.badRequest("no"), 400, "no"],
  [errors.unauthorized(), 401, "Unauthorized"],
  [errors.forbidden(pods, "web", "because"), 403, 'pods "web" is forbidden: because'],
  [errors.forbidden(pods, "", "because"), 403, "pods is forbidden: because"],
  [errors.expired("too old"), 410, "too old"],
  [errors.methodNotAllowed("PUT", "/x"), 405, "Method PUT is not supported on /x"],
  [errors.notAcceptable("no"), 406, "no"],
  [
    errors.unsupportedMediaType("a/b", ["c/d", "e/f"]),
    415,
    'the body of the request was in an unknown format - "a/b" is not one of: c/d, e/f',
  ],
  [errors.tooLarge(3), 413, "Request entity too large: limit is 3 bytes"],
  [errors.tooManyRequests("slow down", 2), 429, "slow down"],
  [errors.unavailable("away"), 503, "away"],
  [errors.timedOut("late"), 504, "late"],
  [errors.internal("bug"), 500, "bug"],
])("%s answers %d", (err, code, message) => {
  expect(errors.httpCode[err.reason]).toBe(code);
  expect(err.message).toBe(message);
});

test("details name the resource, or in Invalid the kind", () => {
  expect(errors.notFound(pods, "web").details).toEqual({ name: "web", kind: "pods" });
  expect(errors.notFound(applications, "web").details).toEqual({
    name: "web",
    kind: "applications",
    group: "lighthouse.dev",
  });
  expect(errors.invalid(kind, "web", [cause]).details).toEqual({
    name: "web",
    ...kind,
    causes: [cause],
  });
  expect(errors.tooManyRequests("x", 2).details).toEqual({ retryAfterSeconds: 2 });
});

test("predicates look at the reason, not at the class", () => {
  const rebuilt = Object.assign(new Error("gone"), { reason: "NotFound" });
  expect(errors.isNotFound(rebuilt)).toBe(true);
  expect(errors.isConflict(rebuilt)).toBe(false);
  expect(errors.isConflict(errors.conflict(pods, "web"))).toBe(true);
});

test("reasonOf() knows no reason of what carries none", () => {
  const odd = [new Error("x"), { reason: "NotFound" }, undefined, "NotFound"];
  expect(odd.map(errors.reasonOf)).toEqual([undefined, undefined, undefined, undefined]);
  expect(errors.reasonOf(Object.assign(new Error("x"), { reason: 7 }))).toBeUndefined();
  expect(errors.reasonOf(Object.assign(new Error("x"), { reason: "toString" }))).toBeUndefined();
});

test("isNamespaceTerminating() goes by the cause, wherever the error was built", () => {
  const causes = [{ reason: "NamespaceTerminating", message: "" }];
  const rebuilt = (details: unknown): Error =>
    Object.assign(new Error("no"), { reason: "Forbidden", details });
  expect(errors.isNamespaceTerminating(rebuilt({ causes }))).toBe(true);
  expect(errors.isNamespaceTerminating(rebuilt({ causes: [cause] }))).toBe(false);
  expect(errors.isNamespaceTerminating(rebuilt(undefined))).toBe(false);
  expect(errors.isNamespaceTerminating(rebuilt({}))).toBe(false);
  expect(errors.isNamespaceTerminating(errors.conflict(pods, "web"))).toBe(false);
});
