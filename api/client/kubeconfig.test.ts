import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Credentials } from "./config.ts";
import { loadKubeconfig, type ResolvedContext } from "./kubeconfig.ts";

async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-kubeconfig-"));
  onTestFinished(() => rm(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text);
  return dir;
}

async function credentialsOf({ config }: ResolvedContext): Promise<Credentials | undefined> {
  const { credentials } = config;
  return typeof credentials === "function" ? credentials() : credentials;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const first = `
current-context: prod
clusters:
- { name: a, cluster: { server: "https://a:6443", certificate-authority: ca.pem } }
users:
- { name: admin, user: { client-certificate-data: ${base64("CERT")}, client-key-data: ${base64("KEY")} } }
contexts:
- { name: prod, context: { cluster: a, user: admin, namespace: shop } }
- { name: broken, context: { cluster: missing, user: admin } }
`;
const second = `
current-context: other
clusters:
- { name: a, cluster: { server: "https://ignored" } }
- { name: b, cluster: { server: "https://b", insecure-skip-tls-verify: true, tls-server-name: beacon } }
users:
- { name: robot, user: { tokenFile: token } }
- { name: plain, user: { token: s3cret } }
- { name: plugin, user: { exec: { apiVersion: client.authentication.k8s.io/v1, command: sh, args: [login.sh], interactiveMode: Never } } }
contexts:
- { name: other, context: { cluster: b, user: robot } }
- { name: plain, context: { cluster: b, user: plain } }
- { name: plugin, context: { cluster: b, user: plugin } }
`;

test("loadKubeconfig() merges the files of KUBECONFIG: the first word counts", async () => {
  const dir = await folder({ first, second, "ca.pem": "CA", token: "t0ken\n" });
  const list = ["first", "absent", "second"].map((name) => join(dir, name)).join(":");
  const env = { KUBECONFIG: list };
  const prod = await loadKubeconfig({ env });
  expect(prod).toMatchObject({
    name: "prod",
    namespace: "shop",
    config: { server: "https://a:6443", ca: "CA" },
  });
  expect(await credentialsOf(prod)).toEqual({ clientCert: "CERT", clientKey: "KEY" });
  const other = await loadKubeconfig({ env, context: "other" });
  expect(other).toMatchObject({
    namespace: "default",
    config: { server: "https://b", insecureSkipTlsVerify: true, tlsServerName: "beacon" },
  });
  expect(await credentialsOf(other)).toEqual({ token: "t0ken" });
  expect(await credentialsOf(await loadKubeconfig({ env, context: "plain" }))).toEqual({
    token: "s3cret",
  });
});

test("loadKubeconfig() finds $HOME/.kube/config last", async () => {
  const dir = await folder({});
  const env = { HOME: dir };
  await expect(loadKubeconfig({ env })).rejects.toThrow(
    `Cannot find a kubeconfig: there is no ${join(dir, ".kube/config")}; start "lighthouse up" first`,
  );
});

test.each([
  ["names the contexts that exist", first, "nope", 'it has "prod", "broken"'],
  [
    "names the clusters that exist",
    first,
    "broken",
    'cluster "missing" in the kubeconfig: it has "a"',
  ],
  ["needs a context", "clusters: []", undefined, "has no current-context, pass --context"],
  ["refuses what is no mapping", "[1, 2]", undefined, "expected a mapping"],
  ["refuses broken YAML", "a: [", undefined, "Cannot read kubeconfig"],
  ["names a credential file that is missing", first, "prod", "certificate authority at"],
])("loadKubeconfig() %s", async (_why, text, context, want) => {
  const dir = await folder({ config: text });
  const options = { path: join(dir, "config"), ...(context === undefined ? {} : { context }) };
  await expect(loadKubeconfig(options)).rejects.toThrow(want);
});

test("loadKubeconfig() runs an exec plug-in when credentials are asked for", async () => {
  const said = JSON.stringify({
    apiVersion: "client.authentication.k8s.io/v1",
    kind: "ExecCredential",
    status: { token: "from-plugin" },
  });
  const dir = await folder({ "login.sh": `echo '${said}'` });
  const config = second.replace("login.sh", join(dir, "login.sh"));
  await writeFile(join(dir, "config"), config);
  const context = await loadKubeconfig({ path: join(dir, "config"), context: "plugin" });
  expect(await credentialsOf(context)).toEqual({ token: "from-plugin" });
  await writeFile(join(dir, "config"), config.replace("command: sh", "command: /nonexistent"));
  const missing = await loadKubeconfig({ path: join(dir, "config"), context: "plugin" });
  await expect(credentialsOf(missing)).rejects.toThrow(
    'Cannot get credentials from "/nonexistent"',
  );
});
