import { expect, test } from "vitest";
import { allowedImageProblem, imageProblem } from "./image-policy.ts";
import { readImageReference } from "./reference.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each<readonly [string, string]>([
  ["nginx", "docker.io/library/nginx"],
  ["nginx:1.27", "docker.io/library/nginx"],
  ["team/app", "docker.io/team/app"],
  ["docker.io/nginx", "docker.io/library/nginx"],
  ["index.docker.io/nginx", "docker.io/library/nginx"],
  ["DOCKER.IO/nginx", "docker.io/library/nginx"],
  ["evil.io/docker.io/library/nginx", "evil.io/docker.io/library/nginx"],
  ["docker.io.evil.io/library/nginx", "docker.io.evil.io/library/nginx"],
  ["localhost/app", "localhost/app"],
  ["localhost:5000/app:v1", "localhost:5000/app"],
  ["docker.io:443/library/nginx", "docker.io:443/library/nginx"],
  ["[::1]:5000/app", "[::1]:5000/app"],
  [`nginx:1@${digest}`, "docker.io/library/nginx"],
  ["EVIL/app", "evil/app"],
])("readImageReference(%j) is %s", (text, name) => {
  const { domain, path } = readImageReference(text) ?? {};
  expect(`${domain}/${path}`).toBe(name);
});

test.each([
  "",
  "deadbeef",
  "sha256:abc",
  "a".repeat(64),
  digest,
  "docker.io@evil.io/app",
  `a@${digest}@${digest}`,
  "docker.io/library/Nginx",
  "docker.io//nginx",
  "docker.io/../nginx",
  "docker.io/library/nginx ",
  " docker.io/library/nginx",
  "docker.io\\evil.io/nginx",
  "docker.io/library/nginx@sha256:abc",
  "docker.io/library/nginx:",
  "http://docker.io/library/nginx",
  "docker.io/library/nginx\u0000",
  "dосker.io/library/nginx",
  "docker.io./library/nginx",
  "a/".repeat(2_000),
])("readImageReference(%j) is none", (text) => {
  expect(readImageReference(text)).toBeUndefined();
});

const allowed = ["docker.io/library", "registry.example.com", "*.trusted.io/team"];

test.each([
  ["nginx", true],
  ["docker.io/library/nginx", true],
  ["docker.io/librarytoo/nginx", false],
  ["someone/nginx", false],
  ["registry.example.com/a/b", true],
  ["registry.example.com:5000/a", false],
  ["registry.example.com.evil.io/a", false],
  ["evil.io/registry.example.com/a", false],
  ["evil.io/docker.io/library/nginx", false],
  ["eu.trusted.io/team/app", true],
  ["eu.trusted.io/other/app", false],
  ["trusted.io/team/app", false],
  ["nottrusted.io/team/app", false],
  ["sha256:abc", false],
])("imageProblem(%j): allowed %s", (image, fine) => {
  const problem = imageProblem(image, { allowed, requireDigest: false });
  expect(problem === undefined, problem).toBe(fine);
});

test("imageProblem() says what is meant, and what is allowed", () => {
  expect(imageProblem("someone/nginx:1", { allowed, requireDigest: false })).toBe(
    "is docker.io/someone/nginx, allowed are docker.io/library, registry.example.com, *.trusted.io/team",
  );
  expect(imageProblem("nginx:1", { requireDigest: true })).toContain("has no digest");
  expect(imageProblem(`nginx:1@${digest}`, { allowed, requireDigest: true })).toBeUndefined();
  expect(imageProblem("whatever it is", { requireDigest: false })).toBeUndefined();
});

test.each([
  ["docker.io", true],
  ["docker.io/library/nginx", true],
  ["localhost:5000", true],
  ["*.example.com/team", true],
  ["[::1]:5000", true],
  ["nginx", false],
  ["library/nginx", false],
  ["*", false],
  ["docker.io/*", false],
  ["docker.io/nginx:1", false],
  ["Docker.io", false],
  ["", false],
])("allowedImageProblem(%j): fine %s", (rule, fine) => {
  expect(allowedImageProblem(rule) === undefined).toBe(fine);
});
