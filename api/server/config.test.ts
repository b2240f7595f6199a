import { expect, test } from "vitest";
import { parseListen, parseServerConfig, servingNames, serverUrl } from "./config.ts";

test.each([
  ["127.0.0.1:6443", { host: "127.0.0.1", port: 6443 }],
  ["localhost", { host: "localhost", port: 6443 }],
  [":0", { host: "0.0.0.0", port: 0 }],
  ["[::1]:7443", { host: "::1", port: 7443 }],
  ["[::]", { host: "::", port: 6443 }],
  ["", undefined],
  ["::1:6443", undefined],
  ["host:http", undefined],
  ["host:70000", undefined],
  ["https://host:1", undefined],
])("parseListen(%j)", (text, want) => {
  expect(parseListen(text)).toEqual(want);
});

test("parseServerConfig() makes paths absolute and fills in defaults", () => {
  expect(parseServerConfig({ dataDir: "/data/../d" })).toEqual({
    listen: { host: "127.0.0.1", port: 6443 },
    dataDir: "/d",
    names: [],
  });
  const { kubeconfig } = parseServerConfig({ dataDir: "d", kubeconfig: "k" });
  expect(kubeconfig).toBe(`${process.cwd()}/k`);
});

test("parseServerConfig() lists every wrong field", () => {
  const wrong = { dataDir: "", listen: "nowhere:x", extra: 1 };
  const parse = (): unknown => parseServerConfig(wrong);
  expect(parse).toThrow("Cannot use the server's configuration:");
  expect(parse).toThrow('listen is "nowhere:x", expected HOST:PORT, e.g. 127.0.0.1:6443');
  expect(parse).toThrow("dataDir is empty, expected a directory");
  expect(parse).toThrow("extra");
});

const listening = (listen: string): ReturnType<typeof parseServerConfig> =>
  parseServerConfig({ dataDir: "/d", listen, names: ["api.example.com"] });

test("servingNames() covers the address, the machine and what was configured", () => {
  const names = servingNames(listening("192.0.2.7:1"), "host-1");
  expect(names).toEqual(
    expect.arrayContaining(["localhost", "::1", "192.0.2.7", "host-1", "api.example.com"]),
  );
  expect(new Set(names).size).toBe(names.length);
});

test("servingNames() covers every address when listening on all", () => {
  const names = servingNames(listening("0.0.0.0:1"), "host-1");
  expect(names).not.toContain("0.0.0.0");
  expect(names).toContain("127.0.0.1");
});

test.each([
  [{ host: "0.0.0.0", port: 1 }, "https://127.0.0.1:1"],
  [{ host: "::", port: 1 }, "https://127.0.0.1:1"],
  [{ host: "::1", port: 1 }, "https://[::1]:1"],
  [{ host: "example.com", port: 1 }, "https://example.com:1"],
])("serverUrl(%j) is %s", (address, want) => {
  expect(serverUrl(address)).toBe(want);
});

test("parseServerConfig() takes issuers from a file or from flags, not from both", () => {
  const oidc = { issuerUrl: "https://id.example.com", clientId: "a", authorityFile: "ca.crt" };
  const parsed = parseServerConfig({ dataDir: "/d", oidc }).oidc?.flags;
  expect(parsed).toMatchObject({ clientId: "a", requiredClaims: [] });
  expect(parsed?.authorityFile).toMatch(/^\/.*\/ca\.crt$/);
  const file = { dataDir: "/d", authenticationConfig: "/etc/auth.yaml" };
  expect(parseServerConfig(file).oidc).toEqual({ file: "/etc/auth.yaml" });
  expect(() => parseServerConfig({ ...file, oidc })).toThrow(/exclude each other/);
});
