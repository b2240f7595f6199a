import { expect, test } from "vitest";
import {
  type Doing,
  isEngineAway,
  isImageUnknown,
  overdue,
  refused,
  unreachable,
} from "./errors.ts";

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

const pulling: Doing = { action: "pull image r.test/a:1", kind: "images", name: "r.test/a:1" };

test.each([
  [404, "manifest for r.test/a:1 not found: manifest unknown: manifest unknown", true],
  [404, "pull access denied for r.test/a, repository does not exist", true],
  [500, "denied: requested access to the resource is denied", true],
  [500, "unauthorized: authentication required", true],
  [500, "Get https://r.test/v2/a/manifests/1: no basic auth credentials", true],
  [500, "name unknown: repository name not known to registry", true],
  [400, "invalid reference format: repository name must be lowercase", true],
  [500, "no matching manifest for linux/amd64 in the manifest list entries", true],
  [500, 'image operating system "windows" cannot be used on this platform', true],
  [500, "Get https://r.test/v2/: dial tcp 10.0.0.1:443: connect: connection refused", false],
  [500, "Get https://r.test/v2/: dial tcp: lookup r.test: no such host", false],
  [500, "Get https://r.test/v2/: net/http: TLS handshake timeout", false],
  [500, "Get https://r.test/v2/: context deadline exceeded", false],
  [500, "received unexpected HTTP status: 503 Service Unavailable", false],
  [429, "toomanyrequests: You have reached your pull rate limit; authentication required", false],
  [500, "write /var/lib/docker/tmp/GetImageBlob1: no space left on device", false],
  [500, "failed to register layer: unexpected EOF", false],
])("isImageUnknown() of a pull that failed with %i %s is %s", (status, message, want) => {
  expect(isImageUnknown(refused(pulling, { status, message }))).toBe(want);
});

test("isImageUnknown() is false when the engine is away or too slow", () => {
  expect(isImageUnknown(unreachable("tcp://h:2375", pulling, system("EACCES")))).toBe(false);
  expect(isImageUnknown(overdue("tcp://h:2375", pulling, 1000))).toBe(false);
  expect(isImageUnknown(new Error("manifest unknown"))).toBe(false);
});
