import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, type Dispatcher } from "undici";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { readText } from "../../cli/read.ts";
import { auditEverything, leaksIn } from "./kit/canaries.ts";
import { liveWithCanaries } from "./kit/canary-life.ts";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";

const json = "application/json";

describe("no Secret is anywhere but in itself", () => {
  let dir = "";
  let lighthouse: Lighthouse;
  let client: OwnedClient;
  /** Sends what our own client would not: whatever a test makes up. */
  let sender: Agent;
  /** The same without a certificate. */
  let stranger: Agent;
  /** All that anybody was answered who did not read a Secret. */
  const answers: string[] = [];

  const dataDir = (): string => join(dir, "data");

  async function send(
    method: Dispatcher.HttpMethod,
    path: string,
    body?: unknown,
    type = json,
  ): Promise<string> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const headers = { "content-type": type, accept: json };
    const { statusCode, body: answer } = await sender.request({
      origin: lighthouse.url,
      path,
      method,
      headers,
      ...(body === undefined ? {} : { body: text }),
    });
    return `${statusCode} ${await answer.text()}`;
  }

  /** A request that must succeed. */
  async function arrange(
    method: string,
    path: string,
    body?: unknown,
    type = json,
  ): Promise<string> {
    const answer = await send(method, path, body, type);
    if (!answer.startsWith("2")) throw new Error(`Cannot ${method} ${path}: ${answer}`);
    return answer.slice(4);
  }

  /** A request whose answer nobody may learn a Secret from. */
  async function tell(
    method: Dispatcher.HttpMethod,
    path: string,
    body: unknown,
    type = json,
  ): Promise<void> {
    answers.push(`${method} ${path} ${await send(method, path, body, type)}`);
  }

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "lighthouse-redaction-"));
    const policy = join(dir, "policy.json");
    await writeFile(policy, JSON.stringify(auditEverything));
    lighthouse = await startLighthouse({
      dataDir: dataDir(),
      docker: [],
      args: ["--simulate", "--log-level=debug", `--audit-policy=${policy}`],
    });
    const { config } = await loadKubeconfig({ path: lighthouse.kubeconfig });
    client = createClient({ ...config, userAgent: "redaction" });
    const { credentials } = config;
    const who = typeof credentials === "function" ? await credentials() : credentials;
    const identity = { cert: who?.clientCert ?? "", key: who?.clientKey ?? "" };
    sender = new Agent({ connect: { ca: config.ca ?? "", ...identity } });
    stranger = new Agent({ connect: { ca: config.ca ?? "" } });
    await liveWithCanaries({ arrange, tell, present });
  });
  afterAll(async () => {
    await client[Symbol.asyncDispose]();
    await Promise.all([sender.close(), stranger.close()]);
    await lighthouse.stop("SIGKILL");
    await rm(dir, { recursive: true, force: true });
  });

  async function present(token: string, path: string): Promise<void> {
    const headers = { authorization: `Bearer ${token}` };
    const sent = await stranger.request({ origin: lighthouse.url, path, method: "GET", headers });
    answers.push(await sent.body.text());
  }

  const read = async (path: string, accept = json): Promise<string> =>
    readText(await client.raw({ method: "GET", path, accept }));

  type Served = { readonly path: string; readonly verbs: readonly string[]; readonly name: string };

  async function everyCollection(): Promise<readonly Served[]> {
    const { groups } = JSON.parse(await read("/apis")) as {
      readonly groups: readonly {
        readonly versions: readonly { readonly groupVersion: string }[];
      }[];
    };
    const roots = [
      "/api/v1",
      ...groups.flatMap(({ versions }) =>
        versions.map(({ groupVersion }) => `/apis/${groupVersion}`),
      ),
    ];
    const lists = await Promise.all(
      roots.map(async (root) => {
        const { resources } = JSON.parse(await read(root)) as {
          readonly resources: readonly {
            readonly name: string;
            readonly verbs: readonly string[];
          }[];
        };
        return resources.map(({ name, verbs }) => ({ path: `${root}/${name}`, name, verbs }));
      }),
    );
    return lists.flat().filter(({ verbs }) => verbs.includes("list"));
  }

  test("not in any other kind, as objects, tables, metadata or watch events", async () => {
    const served = (await everyCollection()).filter(({ name }) => name !== "secrets");
    expect(served.length).toBeGreaterThan(25);
    const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const leaks = await Promise.all(
      served.map(async ({ path, verbs }) => {
        const texts = [
          await read(path),
          await read(`${path}?includeObject=Object`, table),
          ...(verbs.includes("watch")
            ? [await read(`${path}?watch=true&timeoutSeconds=1&resourceVersion=0`)]
            : []),
        ];
        return texts.flatMap((text) => leaksIn(path, text));
      }),
    );
    expect(leaks.flat()).toEqual([]);
  });

  test("not in tables of Secrets, documents or metrics", async () => {
    const table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    const texts = await Promise.all([
      read("/api/v1/secrets?includeObject=None", table),
      read("/openapi/v2"),
      read("/openapi/v3"),
      read("/metrics"),
      read("/readyz?verbose"),
    ]);
    expect(texts.flatMap((text, i) => leaksIn(`document ${i}`, text))).toEqual([]);
  });

  test("not in answers to mistakes and dry runs", () => {
    expect(answers.length).toBeGreaterThan(10);
    expect(answers.filter((answer) => / 5\d\d /.test(answer.slice(0, 120)))).toEqual([]);
    expect(answers.flatMap((answer) => leaksIn(answer.slice(0, 60), answer.slice(60)))).toEqual([]);
  });

  test("not for a debugger, which a signal would open to everybody on the machine", async () => {
    process.kill(lighthouse.pid, "SIGUSR1");
    await arrange("GET", "/readyz");
    expect(lighthouse.output()).not.toContain("Debugger");
  });

  test("not in the logs of server, controllers and agent, at their loudest", () => {
    expect(lighthouse.output()).toContain('"level":20');
    expect(leaksIn("log", lighthouse.output())).toEqual([]);
  });

  test("not in the audit log, whatever its policy asks for", async () => {
    const folder = join(dataDir(), "audit");
    const files = await Promise.all(
      (await readdir(folder)).map((name) => readFile(join(folder, name), "utf8")),
    );
    const text = files.join("");
    expect(text).toContain('"secrets"');
    expect(leaksIn("audit", text)).toEqual([]);
  });

  test("not in what a reader of a host's Docker sees of Pods", async () => {
    const { items } = JSON.parse(await arrange("GET", "/api/v1/nodes")) as {
      readonly items: readonly { readonly metadata: { readonly name: string } }[];
    };
    const docker = `/api/v1/nodes/${items[0]?.metadata.name ?? ""}/proxy/v1.41`;
    const rbac = "/apis/rbac.authorization.k8s.io/v1";
    const rules = [{ apiGroups: [""], resources: ["nodes/docker-read"], verbs: ["get"] }];
    const metadata = { name: "docker-look" };
    await arrange("POST", `${rbac}/clusterroles`, { metadata, rules });
    const roleRef = {
      apiGroup: "rbac.authorization.k8s.io",
      kind: "ClusterRole",
      name: "docker-look",
    };
    const subjects = [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "reader" }];
    await arrange("POST", `${rbac}/clusterrolebindings`, { metadata, roleRef, subjects });
    const as = { "impersonate-user": "reader" };
    const look = async (path: string, headers: Record<string, string> = as): Promise<string> => {
      const sent = await sender.request({
        origin: lighthouse.url,
        path: docker + path,
        method: "GET",
        headers,
      });
      return sent.body.text();
    };
    const all = await look("/containers/json?all=1");
    const ids = (JSON.parse(all) as readonly { readonly Id: string }[]).map(({ Id }) => Id);
    expect(ids.length).toBeGreaterThan(2);
    const inspected = await Promise.all(ids.map((id) => look(`/containers/${id}/json`)));
    const texts = [all, ...inspected, await look("/system/df"), await look("/info")];
    expect(texts.flatMap((text, i) => leaksIn(`docker ${i}`, text))).toEqual([]);
    expect(inspected.join("")).toContain("ONE=");
    const whole = await look(`/containers/${ids[0] ?? ""}/json`, {});
    expect(leaksIn("inspect", whole)).not.toEqual([]);
  });

  test("not in a file of the data folder", async () => {
    const entries = await readdir(dataDir(), { recursive: true, withFileTypes: true });
    const leaks = await Promise.all(
      entries
        .filter((entry) => entry.isFile())
        .map(async (entry) =>
          leaksIn(
            entry.name,
            (await readFile(join(entry.parentPath, entry.name))).toString("latin1"),
          ),
        ),
    );
    expect(leaks.flat()).toEqual([]);
  });
});
