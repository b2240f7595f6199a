import { expect, test } from "vitest";
import { conflict, isConflict, isUnavailable } from "../machinery/errors.ts";
import { codeOf, fromConnectionError, isConnectionLost } from "./connection-error.ts";

const coded = (code: string, message = "raw", options?: ErrorOptions): Error =>
  Object.assign(new Error(message, options), { code });
const server = "https://10.0.0.5:6443";

test.each([
  [
    "ECONNREFUSED",
    "Cannot reach the API server at https://10.0.0.5:6443: connection refused; check",
  ],
  ["ENOTFOUND", "the host name does not resolve; check the server's name"],
  ["UND_ERR_CONNECT_TIMEOUT", "no answer to the connection; check the address and any firewall"],
  ["DEPTH_ZERO_SELF_SIGNED_CERT", "use the kubeconfig of that very server"],
  ["CERT_HAS_EXPIRED", "its certificate has expired; renew"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "its certificate is for other names; use one of them"],
  ["ECONNRESET", "Lost the connection to the API server at https://10.0.0.5:6443: raw"],
  ["EWHATEVER", "Cannot reach the API server at https://10.0.0.5:6443: raw"],
])("fromConnectionError() explains %s", (code, want) => {
  const err = fromConnectionError(coded(code), server);
  expect(isUnavailable(err)).toBe(true);
  expect(err.message).toContain(want);
});

test("fromConnectionError() lets errors pass that carry a reason already", () => {
  const err = conflict({ group: "", plural: "pods" }, "web");
  expect(isConflict(fromConnectionError(err, server))).toBe(true);
});

test.each([
  ["the error itself", coded("A"), "A"],
  ["its cause", new Error("fetch failed", { cause: coded("B") }), "B"],
  ["the first of several attempts", new AggregateError([coded("C"), coded("D")]), "C"],
  ["nothing", new Error("plain"), undefined],
  ["what is no error", "text", undefined],
])("codeOf() reads %s", (_what, err, want) => {
  expect(codeOf(err)).toBe(want);
});

test("isConnectionLost() tells a broken connection from one that was never there", () => {
  expect(isConnectionLost(coded("UND_ERR_SOCKET"))).toBe(true);
  expect(isConnectionLost(coded("ECONNREFUSED"))).toBe(false);
});
