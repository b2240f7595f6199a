import { expect, test } from "vitest";
import { type Doing, isEngineAway, refused, unreachable } from "./errors.ts";

const doing: Doing = { action: "start container web", kind: "containers", name: "web" };

test.each([
  [404, "No such container: web", "NotFound"],
  [404, "No such image: a:1", "NotFound"],
  [409, 'Conflict. The container name "/web" is already in use by container "ab"', "AlreadyExists"],
  [409, "You cannot remove a running container ab.", "Conflict"],
  [500, "driver failed: Bind for 0.0.0.0:80 failed: port is already allocated", "Conflict"],
  [500, "listen tcp4 0.0.0.0:80: bind: address already in use", "Conflict"],
  [400, 'exec: "nope": executable file not found in $PATH: unknown', "Invalid"],
  [400, "invalid reference format", "Invalid"],
  [404, "pull access denied for x, repository does not exist", "Unauthorized"],
  [404, "manifest for a:1 not found: manifest unknown", "NotFound"],
  [500, "Get https://r/v2/: dial tcp: lookup r: no such host", "ServiceUnavailable"],
  [503, "This node is not a swarm manager", "ServiceUnavailable"],
  [500, "OCI runtime create failed: something", "InternalError"],
])("refused() takes %i %s as %s", (status, message, reason) => {
  expect(refused(doing, { status, message })).toMatchObject({
    reason,
    message: `Cannot start container web: ${message.replace(/\.$/, "")}`,
    details: { kind: "containers", name: "web" },
  });
});

test("refused() knows a TLS port that was spoken to in plain text", () => {
  const message = "Client sent an HTTP request to an HTTPS server.";
  expect(refused(doing, { status: 400, message })).toMatchObject({
    reason: "ServiceUnavailable",
    message: expect.stringContaining("DOCKER_CERT_PATH") as string,
  });
});

test("refused() says the code when the engine says nothing", () => {
  const err = refused(doing, { status: 502, message: "" });
  expect(err.message).toBe("Cannot start container web: the engine answered 502");
});

const system = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

test.each([
  [system("ENOENT"), "ServiceUnavailable", "start Docker there"],
  [system("ECONNREFUSED"), "ServiceUnavailable", "check the address"],
  [system("EACCES"), "Forbidden", "usermod -aG docker"],
  [system("CERT_HAS_EXPIRED"), "ServiceUnavailable", "its certificate has expired"],
  [new AggregateError([system("ECONNREFUSED")]), "ServiceUnavailable", "connection refused"],
  [new Error("strange"), "ServiceUnavailable", "strange"],
])("unreachable() translates %s and names endpoint and way out", (cause, reason, words) => {
  const err = unreachable("unix:///run/docker.sock", doing, cause);
  expect(err.reason).toBe(reason);
  expect(err.message).toContain("unix:///run/docker.sock");
  expect(err.message).toContain(words);
  expect(err.cause).toBe(cause);
  expect(isEngineAway(err)).toBe(true);
});
