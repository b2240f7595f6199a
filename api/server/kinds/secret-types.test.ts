import { expect, test } from "vitest";
import type { Body, JsonObject } from "./kind.ts";
import { secretTypeCauses } from "./secret-types.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const secret = (type: string, data: JsonObject, annotations = {}): Body => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "s", annotations },
  type: `kubernetes.io/${type}`,
  data,
});
const account = { "kubernetes.io/service-account.name": "builder" };

test.each<[why: string, secret: Body, fields: readonly string[]]>([
  ["takes any type of others", secret("unknown", {}), []],
  ["takes a certificate and its key", secret("tls", { "tls.crt": "", "tls.key": "" }), []],
  ["misses both of them", secret("tls", {}), ["data[tls.crt]", "data[tls.key]"]],
  ["takes a user without a password", secret("basic-auth", { username: "" }), []],
  ["misses user and password", secret("basic-auth", {}), ["data[username]", "data[password]"]],
  ["takes a private key", secret("ssh-auth", { "ssh-privatekey": base64("k") }), []],
  [
    "refuses an empty private key",
    secret("ssh-auth", { "ssh-privatekey": "" }),
    ["data[ssh-privatekey]"],
  ],
  ["takes registries", secret("dockerconfigjson", { ".dockerconfigjson": base64("{}") }), []],
  ["misses registries", secret("dockerconfigjson", {}), ["data[.dockerconfigjson]"]],
  [
    "reads registries",
    secret("dockerconfigjson", { ".dockerconfigjson": base64("{") }),
    ["data[.dockerconfigjson]"],
  ],
  [
    "wants an object of registries",
    secret("dockercfg", { ".dockercfg": base64("[]") }),
    ["data[.dockercfg]"],
  ],
  ["knows whose token it is", secret("service-account-token", {}, account), []],
  [
    "misses whose token it is",
    secret("service-account-token", {}),
    ["metadata.annotations[kubernetes.io/service-account.name]"],
  ],
])("secretTypeCauses() %s", (_why, object, fields) => {
  expect(secretTypeCauses(object).map(({ field }) => field)).toEqual(fields);
});

test("secretTypeCauses() tells nothing of what is secret", () => {
  const [cause] = secretTypeCauses(secret("dockercfg", { ".dockercfg": base64("hunter2") }));
  expect(cause?.message).toBe('Invalid value: "<secret contents redacted>": must be valid JSON');
});
