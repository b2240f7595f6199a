import { expect, test } from "vitest";
import { repositoryOf } from "./image-store.ts";
import { registryAuth, registryOf } from "./registry-auth.ts";

const secret = (config: unknown) =>
  new Map([
    [
      ".dockerconfigjson",
      Buffer.from(typeof config === "string" ? config : JSON.stringify(config)),
    ],
  ]);
const plain = secret({ auths: { "https://reg.test:5000/v2/": { username: "u", password: "p" } } });
const encoded = secret({
  auths: { "https://index.docker.io/v1/": { auth: Buffer.from("me:a:b").toString("base64") } },
});

test.each([
  ["nginx", "docker.io"],
  ["library/nginx:1", "docker.io"],
  ["reg.test/web", "reg.test"],
  ["reg.test:5000/web@sha256:1", "reg.test:5000"],
  ["localhost/web", "localhost"],
])("registryOf(%s) is %s", (reference, want) => {
  expect(registryOf(reference)).toBe(want);
});

test.each([
  ["nginx:1.27", "nginx"],
  ["docker.io/library/nginx@sha256:1", "nginx"],
  ["reg.test:5000/shop/web:v1@sha256:1", "reg.test:5000/shop/web"],
  ["reg.test:5000/web", "reg.test:5000/web"],
])("repositoryOf(%s) is %s", (reference, want) => {
  expect(repositoryOf(reference)).toBe(want);
});

test("registryAuth() finds the login of the image's registry", () => {
  expect(registryAuth("reg.test:5000/web:1", [encoded, plain])).toEqual({
    username: "u",
    password: "p",
    serverAddress: "https://reg.test:5000/v2/",
  });
  expect(registryAuth("nginx", [plain, encoded])).toMatchObject({
    username: "me",
    password: "a:b",
  });
  expect(registryAuth("other.test/web", [plain, encoded])).toBeUndefined();
});

test.each([["not json"], ["{}"], ['{"auths":{"reg.test:5000":{"auth":"bm8="}}}']])(
  "registryAuth() takes a broken Secret %s for absent",
  (text) => {
    expect(registryAuth("reg.test:5000/web", [secret(text), new Map()])).toBeUndefined();
  },
);
