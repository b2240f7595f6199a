import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import type { SimulatedEngine } from "../../../agent/simulated/simulated-engine.ts";
import { openStore } from "../../../api/store/open.ts";
import type { Entry } from "../../../api/store/store.ts";
import { startEtcd } from "../../kit/etcd.ts";
import { eventually } from "../../kit/eventually.ts";
import { testImages } from "../../kit/images.ts";
import { type Lighthouse, startLighthouse } from "../../kit/lighthouse.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";
import { mustRun } from "../../kit/run.ts";
import { simulatedEngine } from "../../kit/simulated-engine.ts";
import { manifest, must } from "../../e2e/site.ts";

/** Data folders of older versions, made by hack/make-upgrade-fixture. None is ever left out again. */
const fixtures = ["v0.1-format-1"] as const;

type Stored = Pick<Entry, "key" | "at" | "createdAt"> & { readonly sha256: string };
type Fixture = {
  readonly engine: { readonly id: string; readonly name: string };
  readonly containers: readonly {
    readonly name: string;
    readonly image: string;
    readonly labels: Readonly<Record<string, string>>;
  }[];
  readonly stored: readonly Stored[];
};
type Item = {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid: string;
    readonly generation?: number;
  };
};

const testdata = join(import.meta.dirname, "..", "..", "testdata", "upgrade");
const stateless = /\/(leases|events)\//;

async function unpacked(
  name: string,
): Promise<{ readonly root: string; readonly fixture: Fixture }> {
  const root = await mkdtemp(join(tmpdir(), "lighthouse-upgrade-"));
  await mustRun(["tar", "-xzf", join(testdata, `${name}.tar.gz`), "-C", root]);
  const text = await readFile(join(root, "fixture.json"), "utf8");
  return { root, fixture: JSON.parse(text) as Fixture };
}

async function entriesOf(url: string): Promise<readonly Entry[]> {
  await using store = await openStore(url);
  return (await store.list({ prefix: "/registry/" })).entries;
}

const storedOf = ({ key, value, at, createdAt }: Entry): Stored => ({
  key,
  at,
  createdAt,
  sha256: createHash("sha256").update(value).digest("hex"),
});

/** An engine on which the containers of the fixture run, as they did beside the older version. */
async function oldEngine({ engine, containers }: Fixture): Promise<SimulatedEngine> {
  const simulated = await simulatedEngine(engine);
  const socketPath = new URL(simulated.url).pathname;
  const call = (path: string, body: unknown): Promise<void> =>
    new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json" };
      const sent = request({ socketPath, path, method: "POST", headers }, (answer) => {
        const { statusCode = 0 } = answer.resume();
        if (statusCode < 300) resolve();
        else reject(new Error(`The engine answers ${statusCode} to ${path}`));
      });
      sent.on("error", reject).end(JSON.stringify(body));
    });
  for (const { name, image, labels } of containers) {
    await call(`/containers/create?name=${name}`, { Image: image, Labels: labels });
    await call(`/containers/${name}/start`, {});
  }
  return simulated;
}

describe.each(fixtures)("data of %s", (name) => {
  const stack = new AsyncDisposableStack();
  let root: string;
  let fixture: Fixture;
  let simulated: SimulatedEngine;
  let lighthouse: Lighthouse;
  const dataDir = (): string => join(root, "data");
  const storeUrl = (): string => `lmdb://${join(dataDir(), "store")}`;

  const ids = async (): Promise<readonly string[]> => {
    await using engine = openEngine(simulated.url);
    const all = await engine.containers.list({});
    return all
      .filter(({ phase }) => phase === "running")
      .map(({ id }) => id)
      .toSorted();
  };
  const items = async (path: string): Promise<readonly Item[]> =>
    (JSON.parse(await must(lighthouse.kubectl(["get", "--raw", path]))) as { items: Item[] }).items;

  beforeAll(async () => {
    ({ root, fixture } = await unpacked(name));
    stack.defer(() => rm(root, { recursive: true, force: true }));
    simulated = stack.use(await oldEngine(fixture));
  });
  afterAll(() => stack.disposeAsync());

  test("opens with every object, value and revision as it was", async () => {
    const entries = await entriesOf(storeUrl());
    const stored = entries.filter(({ key }) => !stateless.test(key)).map(storedOf);
    expect(stored).toEqual(fixture.stored);
    const marker = await readFile(join(dataDir(), "store", "lighthouse-store.json"), "utf8");
    // Of 1, the older program refuses it: its format is 2, this program reads 1.
    expect(JSON.parse(marker)).toEqual({ format: 2, initialized: true });
  });

  test("is served on: same uids, no container restarts, rollouts go on", async () => {
    const containers = await ids();
    expect(containers).toHaveLength(3);
    lighthouse = stack.use(await startLighthouse({ dataDir: dataDir(), docker: [simulated.url] }));
    await must(
      lighthouse.kubectl(["wait", "--for=condition=Ready", "application/web", "--timeout=30s"]),
    );
    await eventually("the agent is back", async () =>
      (await must(lighthouse.kubectl(["get", "nodes"]))).includes(" Ready") ? true : undefined,
    );
    expect(await ids()).toEqual(containers);
    for (const [path, plural] of [
      ["/apis/lighthouse.dev/v1/applications", "lighthouse.dev/applications"],
      ["/api/v1/pods", "core/pods"],
      ["/apis/example.dev/v1/ships", "example.dev/ships"],
      ["/api/v1/secrets", "core/secrets"],
    ] as const) {
      const found = (await items(path)).map(({ metadata }) => metadata.name);
      const wanted = fixture.stored
        .filter(({ key }) => key.startsWith(`/registry/${plural}/`))
        .map(({ key }) => key.split("/").at(-1) ?? "");
      expect(found, path).toEqual(expect.arrayContaining(wanted));
    }
    const login = ["get", "secret", "login", "-n", "shop", "-o", "jsonpath={.data.password}"];
    const password = Buffer.from(await must(lighthouse.kubectl(login)), "base64").toString();
    expect(password).toBe("plain until the upgrade");
    const applied = { stdin: manifest("web", testImages.web) };
    await must(lighthouse.cli(["apply", "-f", "-", "--wait"], applied));
    expect((await ids()).filter((id) => containers.includes(id))).toEqual([]);
  });

  test("has what is new: our kinds, roles, and Secrets that are encrypted", async () => {
    const crds = await items("/apis/apiextensions.k8s.io/v1/customresourcedefinitions");
    const names = crds.map(({ metadata }) => metadata.name);
    expect(names).toEqual(
      expect.arrayContaining([
        "users.lighthouse.dev",
        "sessions.lighthouse.dev",
        "ships.example.dev",
      ]),
    );
    const encryption = await must(lighthouse.cli(["encryption", "status", "-o", "json"]));
    expect(JSON.parse(encryption)).toMatchObject({ plain: 0, unreadable: [] });
    await lighthouse.stop();
    const secrets = (await entriesOf(storeUrl())).filter(({ key }) => key.includes("/secrets/"));
    expect(secrets.length).toBeGreaterThan(1);
    for (const { key, value } of secrets) {
      expect(Buffer.from(value).toString("latin1"), key).toMatch(/^lighthouse:enc:v1:/);
    }
  });
});

describe.skipIf(skipReason("upgrades on etcd", missingProgram("etcd")))("data on etcd", () => {
  test.each(fixtures)("of %s is served on", async (name) => {
    await using stack = new AsyncDisposableStack();
    const { root, fixture } = await unpacked(name);
    stack.defer(() => rm(root, { recursive: true, force: true }));
    const etcd = stack.use(await startEtcd());
    const url = `etcd://${etcd.host}/lighthouse`;
    {
      // What the older version had in etcd is keys and values, and nothing beside them.
      await using store = await openStore(url);
      const entries = await entriesOf(`lmdb://${join(root, "data", "store")}`);
      for (const { key, value } of entries) await store.put(key, value, 0);
    }
    const dataDir = join(root, "etcd");
    await mkdir(dataDir);
    await mustRun(["cp", "-r", join(root, "data", "pki"), dataDir]);
    const lighthouse = stack.use(
      await startLighthouse({ command: "server", dataDir, docker: [], store: url }),
    );
    const get = ["get", "applications,secrets,pods,ships", "-A", "-o", "json"];
    const list = JSON.parse(await must(lighthouse.kubectl(get))) as { items: Item[] };
    const uids = new Set(list.items.map(({ metadata }) => metadata.uid));
    for (const { labels } of fixture.containers) {
      expect(uids).toContain(labels["lighthouse.dev/pod-uid"]);
    }
    const status = await must(lighthouse.cli(["encryption", "status", "-o", "json"]));
    expect(JSON.parse(status)).toMatchObject({ unreadable: [] });
  });
});
