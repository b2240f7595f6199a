import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { authorityHash } from "../../../api/client/join-link.ts";
import { type CliDone, type CliOptions, runCli } from "../../kit/cli.ts";
import { eventually } from "../../kit/eventually.ts";
import { anyKubectl } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { type OidcIssuer, startOidcIssuer } from "../../kit/oidc-issuer.ts";
import { type Ran, run } from "../../kit/run.ts";
import { type AttackRig, openAttackRig } from "../../security/kit/rig.ts";

const program = path.join(import.meta.dirname, "../../../cli/lighthouse.mjs");

let issuer: OidcIssuer;
let rig: AttackRig;
let root: string;
let home: string;
let configFile: string;

/** The server's configuration; the issuer's users are called by their addresses. */
function configuration(audience = issuer.clientId): string {
  return JSON.stringify({
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthenticationConfiguration",
    jwt: [
      {
        issuer: {
          url: issuer.url,
          audiences: [audience],
          certificateAuthority: issuer.authority,
        },
        claimMappings: {
          username: { claim: "email", prefix: "oidc:" },
          groups: { claim: "groups", prefix: "oidc:" },
        },
      },
    ],
  });
}

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "lighthouse-oidc-"));
  issuer = await startOidcIssuer({ idTokenSeconds: 30 });
  configFile = path.join(root, "authentication.yaml");
  await writeFile(configFile, configuration());
  rig = await openAttackRig({ config: { authenticationConfig: configFile } });
  await rig.arrange("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    metadata: { name: "dev" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "Group", name: "oidc:dev" }],
  });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
  await rm(root, { recursive: true });
});
beforeEach(async () => {
  home = await mkdtemp(path.join(root, "home-"));
  const groups = ["dev", "system:masters"];
  issuer.person = { sub: "1", email: "ann@example.com", email_verified: true, groups };
});

const env = (): NodeJS.ProcessEnv => ({
  HOME: home,
  PATH: process.env["PATH"],
  XDG_STATE_HOME: path.join(home, "state"),
});

function cli(args: readonly string[], options: CliOptions = {}): Promise<CliDone> {
  return runCli(args, { env: env(), self: [process.execPath, program], ...options });
}

/** Logs in as the person of the issuer, whose browser does what is asked. */
async function login(...flags: readonly string[]): Promise<CliDone> {
  const visits: Promise<string>[] = [];
  const pin = authorityHash(rig.server.admin.authority);
  const done = await cli(["login", rig.server.url, "--ca-pin", pin, "--oidc", ...flags], {
    browse: (url) => void visits.push(issuer.visit(url)),
  });
  await Promise.all(visits);
  return done;
}

describe("lighthouse login --oidc", () => {
  test.each(["device", "browser"])("writes a kubeconfig by the %s flow", async (flow) => {
    const { code, out, err } = await login("--flow", flow, "-n", "shop");
    expect([code, out], err).toEqual([0, expect.stringContaining("as oidc:ann@example.com\n")]);
    const kubeconfig = path.join(home, ".kube", "config");
    expect((await stat(kubeconfig)).mode & 0o777).toBe(0o600);
    const text = await readFile(kubeconfig, "utf8");
    expect(text).toMatch(/current-context: 127\.0\.0\.1:\d+\n/);
    expect(text).toContain("namespace: shop");
    expect(text).not.toMatch(/eyJ/);
    const folder = path.join(home, "state", "lighthouse", "logins");
    for (const file of await readdir(folder)) {
      expect((await stat(path.join(folder, file))).mode & 0o777).toBe(0o600);
    }
    const me = await cli(["whoami", "-o", "json"]);
    expect(JSON.parse(me.out)).toMatchObject({
      username: "oidc:ann@example.com",
      groups: ["oidc:dev", "oidc:system:masters", "system:authenticated"],
    });
    expect((await cli(["get", "configmaps", "-n", "default"])).code).toBe(0);
    expect((await cli(["get", "nodes"])).code).toBe(1);
  });

  test("renews at the issuer, and says so when the issuer will not", async () => {
    await login("--flow", "browser");
    const first = await credential();
    // It ends within the minute that renewals come early.
    const second = await credential();
    expect(second.status.token).not.toBe(first.status.token);
    expect((await cli(["logout"])).out).toMatch(/Logged out of context/);
    expect((await cli(["whoami"])).err).toMatch(/There is no login in .*run "lighthouse login/);
  });

  test("leaves nothing behind when the server does not take the token", async () => {
    issuer.person = { sub: "2", email: "eve@example.com", email_verified: false };
    const { code, err } = await login("--flow", "browser");
    expect([code, err]).toEqual([1, expect.stringMatching(/Unauthorized/)]);
    await expect(readdir(path.join(home, "state"))).rejects.toThrow(/ENOENT/);
    await expect(readdir(path.join(home, ".kube"))).rejects.toThrow(/ENOENT/);
  });
});

type ExecCredential = {
  readonly apiVersion: string;
  readonly status: { readonly token: string; readonly expirationTimestamp: string };
};

/** What kubectl would be told. */
async function credential(): Promise<ExecCredential> {
  const folder = path.join(home, "state", "lighthouse", "logins");
  const [file = ""] = await readdir(folder);
  const { out, err } = await cli(["credential", "--login", path.join(folder, file)]);
  expect(err).toBe("");
  return JSON.parse(out) as ExecCredential;
}

test("the server takes up a changed configuration, keeps the old one when the new is wrong, and ends what goes on", async () => {
  const token = await issuer.idToken();
  const headers = { authorization: `Bearer ${token}` };
  const ask = async (): Promise<number> => (await rig.send("GET", "/version", { headers })).status;
  expect(await ask()).toBe(200);
  const watched = rig.send("GET", "/api/v1/namespaces/default/configmaps?watch=true", { headers });
  await writeFile(configFile, "jwt: [");
  await writeFile(configFile, configuration("somebody-else"));
  await eventually("the token is of another audience", async () => (await ask()) === 401);
  expect((await watched).status).toBe(200);
  await writeFile(configFile, configuration());
  issuer.setDown(true);
  try {
    await eventually("the keys are known from before", async () => (await ask()) === 200);
  } finally {
    issuer.setDown(false);
  }
});

const kubectl = anyKubectl();
const missing = kubectl === undefined ? "there is no kubectl" : undefined;
test.skipIf(skipReason("kubectl", missing))(
  "kubectl uses ID tokens, by the plug-in and by --token",
  async () => {
    await login("--flow", "browser");
    const askWith = (more: NodeJS.ProcessEnv, args: readonly string[]): Promise<Ran> =>
      run([kubectl?.path ?? "kubectl", ...args], { env: { ...env(), ...more } });
    const ask = (...args: readonly string[]): Promise<Ran> => askWith({}, args);
    const listed = await ask("get", "configmaps", "-n", "default");
    expect(listed.code, listed.stderr).toBe(0);
    expect((await ask("get", "nodes")).stderr).toMatch(/User "oidc:ann@example.com" cannot list/);
    const ca = path.join(root, "ca.crt");
    await writeFile(ca, rig.server.admin.authority);
    const at = ["--server", rig.server.url, "--certificate-authority", ca];
    const token = await issuer.idToken({ exp: Math.floor(Date.now() / 1_000) + 60 });
    const question = ["auth", "can-i", "list", "configmaps"];
    const none = { KUBECONFIG: path.join(root, "none") };
    const plain = await askWith(none, [...at, "--token", token, ...question]);
    expect([plain.code, plain.stdout], plain.stderr).toEqual([0, "yes\n"]);
  },
);
