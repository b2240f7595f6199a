import { expect, test } from "vitest";
import {
  alreadyExists,
  badRequest,
  type Reason,
  httpCode,
  notFound,
  StatusError,
} from "./errors.ts";
import { deletedStatus, fromStatus, internalStatus, toStatus } from "./status.ts";

const pods = { group: "", plural: "pods" };

test("toStatus() is the wire form", () => {
  expect(toStatus(notFound(pods, "web"))).toEqual({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'pods "web" not found',
    reason: "NotFound",
    details: { name: "web", kind: "pods" },
    code: 404,
  });
  expect("details" in toStatus(badRequest("x"))).toBe(false);
});

test("fromStatus() rebuilds every reason that toStatus() wrote", () => {
  for (const reason of Object.keys(httpCode) as Reason[]) {
    const back = fromStatus(httpCode[reason], toStatus(new StatusError(reason, "why")));
    expect([back.reason, back.message, back.details]).toEqual([reason, "why", undefined]);
  }
  expect(fromStatus(409, toStatus(alreadyExists(pods, "web"))).details?.name).toBe("web");
});

test.each<[string, number, unknown, Reason, string]>([
  ["text", 404, "page not found", "NotFound", "Server answered 404"],
  ["null", 409, null, "Conflict", "Server answered 409"],
  ["another object", 410, { kind: "Pod" }, "Expired", "Server answered 410"],
  ["an object without kind", 410, {}, "Expired", "Server answered 410"],
  ["an unknown 5xx", 502, "", "InternalError", "Server answered 502"],
  ["an unknown 4xx", 418, "", "BadRequest", "Server answered 418"],
  ["a Status without reason", 403, { kind: "Status" }, "Forbidden", "Server answered 403"],
  ["an unknown reason", 500, { kind: "Status", reason: "New", message: "m" }, "InternalError", "m"],
])("fromStatus() of %s falls back to the code", (_what, ...[code, body, reason, message]) => {
  const err = fromStatus(code, body);
  expect([err.reason, err.message]).toEqual([reason, message]);
});

test("internalStatus() tells the request id and nothing else", () => {
  const { code, message } = internalStatus("r-1");
  expect([code, message]).toEqual([500, "Internal error: see the server's log for request r-1"]);
});

test("deletedStatus() carries the uid that clients wait for", () => {
  expect(deletedStatus({ name: "web", kind: "pods", uid: "u1" })).toMatchObject({
    status: "Success",
    code: 200,
    details: { uid: "u1" },
  });
});
