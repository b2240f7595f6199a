import { expect, test } from "vitest";
import { buildPod } from "../../../test/kit/pod-world.ts";
import { portOf, proxyTarget } from "./proxy-target.ts";

const base = "/api/v1/namespaces/shop/pods";

test.each([
  ["web/proxy", { pod: "web", port: "", secure: false, rest: "/" }],
  ["web:80/proxy/", { pod: "web", port: "80", secure: false, rest: "/" }],
  [
    "https:web:api/proxy/a%2Fb//c?d=e%20f",
    { port: "api", secure: true, rest: "/a%2Fb//c?d=e%20f" },
  ],
  ["http%3Aweb%3A/proxy?x", { pod: "web", port: "", rest: "/?x" }],
])("proxyTarget() reads %s", (path, want) => {
  expect(proxyTarget(`${base}/${path}`)).toMatchObject({ namespace: "shop", ...want });
});

test.each(["ftp:web:80/proxy/", ":80/proxy/", "a:b:c:d/proxy/"])(
  "proxyTarget() refuses %s",
  (path) => {
    expect(() => proxyTarget(`${base}/${path}`)).toThrow("expected [http:|https:]NAME[:PORT]");
  },
);

const pod = buildPod({
  spec: {
    containers: [
      { name: "app", image: "a", ports: [{ containerPort: 8080, name: "http" }] },
      { name: "side", image: "b", ports: [{ containerPort: 9090 }] },
    ],
  },
});

test.each([
  ["", 8080],
  ["http", 8080],
  ["7", 7],
])("portOf() of %j is %i", (port, want) => {
  expect(portOf(pod, { port })).toBe(want);
});

test.each(["none", "0", "65536", "-1"])("portOf() refuses %s, naming those there are", (port) => {
  expect(() => portOf(pod, { port })).toThrow(
    "name a number from 1 to 65535, or one of http, 9090",
  );
});
