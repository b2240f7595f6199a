import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseEndpoint } from "./endpoint.ts";

test.each([
  ["unix:///run/docker.sock", { kind: "unix", socketPath: "/run/docker.sock" }],
  ["/run/docker.sock", { kind: "unix", socketPath: "/run/docker.sock" }],
  ["tcp://10.0.0.1:2375", { kind: "tcp", host: "10.0.0.1", port: 2375, basePath: "" }],
  ["tcp://host", { kind: "tcp", host: "host", port: 2375 }],
  ["tcp://[::1]:99", { kind: "tcp", host: "::1", port: 99 }],
  ["http://host:1/api/nodes/a/proxy/", { kind: "tcp", basePath: "/api/nodes/a/proxy" }],
])("parseEndpoint() reads %s", (url, want) => {
  expect(parseEndpoint(url)).toMatchObject(want);
});

test.each([
  ["unix://relative.sock", "want unix:///absolute/path"],
  [`unix:///${"x".repeat(120)}`, "the socket path has 121 bytes, limit 107"],
  ["tcp://", "want tcp://HOST:PORT"],
  ["https://host", "DOCKER_CERT_PATH"],
  ["ssh://host", "ssh is not supported yet"],
  ["npipe://x", "want unix:///path/docker.sock or tcp://HOST:PORT"],
  ["", "want unix:///path/docker.sock"],
])("parseEndpoint() refuses %s and says what it wants", (url, words) => {
  expect(() => parseEndpoint(url)).toThrow(words);
});

test("parseEndpoint() takes certificates from a directory and names the missing one", () => {
  const dir = mkdtempSync(join(tmpdir(), "endpoint-"));
  try {
    writeFileSync(join(dir, "ca.pem"), "CA");
    writeFileSync(join(dir, "cert.pem"), "CERT");
    expect(() => parseEndpoint("tcp://host", { certDir: dir })).toThrow(join(dir, "key.pem"));
    writeFileSync(join(dir, "key.pem"), "KEY");
    expect(parseEndpoint("tcp://host", { certDir: dir })).toMatchObject({
      port: 2376,
      tls: { ca: "CA", cert: "CERT", key: "KEY" },
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
});
