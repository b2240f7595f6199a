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
  ["ssh://host", "ssh needs a known_hosts file"],
  ["ssh://host:0", "want ssh://USER@HOST:PORT"],
  ["ssh://ops@host;reboot", "want ssh://USER@HOST:PORT"],
  ["ssh://ops@-oProxyCommand=reboot", "want ssh://USER@HOST:PORT"],
  ["ssh://-l@host", "want ssh://USER@HOST:PORT"],
  ["ssh://ops:secret@host", "want ssh://USER@HOST:PORT"],
  ["ssh://$(reboot)@host", "want ssh://USER@HOST:PORT"],
  ["ssh://host/path", "want ssh://USER@HOST:PORT"],
  ["npipe://x", "want unix:///path/docker.sock, tcp://HOST:PORT or ssh://USER@HOST"],
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

test.each([
  ["ssh://ops@host", { host: "host", port: 22, user: "ops" }],
  ["ssh://ops@10.0.0.9:2222/", { host: "10.0.0.9", port: 2222, user: "ops" }],
  ["ssh://ops@[fe80::1]:2222", { host: "fe80::1", port: 2222, user: "ops" }],
])("parseEndpoint() reads %s", (url, want) => {
  const ssh = { privateKey: "KEY", knownHosts: "HOSTS" };
  expect(parseEndpoint(url, { ssh })).toEqual({ kind: "ssh", url, ...want, ...ssh });
});

test("parseEndpoint() takes certificates as texts", () => {
  const tls = { ca: "CA", cert: "CERT", key: "KEY" };
  expect(parseEndpoint("tcp://host", { tls })).toMatchObject({ port: 2376, tls });
});
