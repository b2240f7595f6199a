import { afterAll, beforeAll, expect, test } from "vitest";
import type { ClientConfig } from "../../../api/client/config.ts";
import { createClient } from "../../../api/client/create-client.ts";
import { loadKubeconfig } from "../../../api/client/kubeconfig.ts";
import { namespaces } from "../../../api/machinery/resources.ts";
import { type Env, startEnv } from "../../kit/env.ts";

let env: Env;
let other: Env;
beforeAll(async () => {
  [env, other] = [await startEnv(), await startEnv()];
});
afterAll(async () => {
  await env.stop();
  await other.stop();
});

async function read(config: ClientConfig): Promise<string> {
  const client = createClient(config);
  try {
    const found = await client.get(namespaces, { name: "default" });
    return found === undefined ? "absent" : found.metadata.name;
  } catch (err) {
    return (err as Error).message;
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

test("client gets in with the kubeconfig that the server wrote", async () => {
  const { config, namespace } = await loadKubeconfig({ path: env.kubeconfig });
  expect(await read(config)).toBe("default");
  expect(namespace).toBe("default");
});

test.each<[string, () => ClientConfig, string]>([
  [
    "another server's authority",
    () => ({ ...env.admin, ca: other.admin.ca ?? "" }),
    "use the kubeconfig of that very server",
  ],
  ["no authority", () => ({ server: env.url }), "use the kubeconfig of that very server"],
  ["another name", () => ({ ...env.admin, tlsServerName: "example.com" }), "is for other names"],
  ["no credentials", () => ({ server: env.url, ca: env.admin.ca ?? "" }), "Unauthorized"],
  [
    "plain HTTP",
    () => ({ server: env.url.replace("https:", "http:") }),
    "Cannot reach|Lost the connection|Server answered 400",
  ],
])("client with %s says what is wrong", async (_what, config, want) => {
  expect(await read(config())).toMatch(new RegExp(want));
});

test("client trusts anybody when it is told to", async () => {
  const { ca: _ca, ...rest } = env.admin;
  expect(await read({ ...rest, insecureSkipTlsVerify: true })).toBe("default");
});
