import type { Credentials } from "../../api/server/access.ts";
import { accountAuthenticator } from "../../api/server/authn/account.ts";
import { certificateAuthenticator } from "../../api/server/authn/certificate.ts";
import { authenticatorChain } from "../../api/server/authn/chain.ts";
import { withImpersonation } from "../../api/server/authn/impersonate.ts";
import { requestInfo } from "../../api/server/objects/request-info.ts";
import { openScope, type OwnedScope } from "../../api/server/scope.ts";
import { encodeObject } from "../../api/store/item.ts";
import { storeKey } from "../../api/store/keys.ts";
import { memoryStore } from "../../api/store/memory.ts";
import type { Store } from "../../api/store/store.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { openBenchClient } from "./api-client.ts";
import { measureWrites, median } from "./durable-writes.ts";
import type { Section } from "./figure.ts";
import { cpuSeconds } from "./process-usage.ts";
import { scratchDir } from "./world.ts";

const rounds = 7;
const users = 1_000;
const bindings = 5_000;
const judgements = 50_000;
const group = "rbac.authorization.k8s.io";
const url = "/api/v1/namespaces/default/configmaps/x";

type Stored = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
};

async function put(store: Store, plural: string, object: Stored): Promise<void> {
  const core = plural === "serviceaccounts";
  const key = storeKey({ group: core ? "" : group, plural }, object.metadata);
  const apiVersion = core ? "v1" : `${group}/v1`;
  await store.put(key, encodeObject({ apiVersion, ...object }), 0);
}

/** Many users with a few rights each, and a robot that may read. Resolves to its token. */
async function prepare(store: Store, scope: OwnedScope): Promise<string> {
  const account = { name: "robot", uid: "robot" };
  const metadata = { ...account, namespace: "default" };
  await put(store, "serviceaccounts", { kind: "ServiceAccount", metadata });
  for (let index = 0; index < bindings; index++) {
    const user = { kind: "User", apiGroup: group, name: `u${index % users}` };
    await put(store, "rolebindings", {
      kind: "RoleBinding",
      metadata: { name: `b${index}`, namespace: "default" },
      roleRef: { apiGroup: group, kind: "ClusterRole", name: "view" },
      subjects: [index === 0 ? { kind: "ServiceAccount", name: "robot" } : user],
    });
  }
  await scope.cache.reach((await store.head()).revision, 10_000);
  const claims = { namespace: "default", account };
  return scope.tokens.sign({ claims, audiences: [scope.tokens.issuer], lifetimeSeconds: 3_600 });
}

/** Microseconds of CPU that it takes to know a robot by its token and to judge its request. */
async function judging(): Promise<readonly number[]> {
  await using store = memoryStore();
  const scope = await openScope(store, systemClock);
  await using _cache = scope.cache;
  const token = await prepare(store, scope);
  const chain = [certificateAuthenticator(), accountAuthenticator(scope.reviewer)];
  const authenticator = withImpersonation(authenticatorChain(chain), scope.rights);
  const credentials: Credentials = { headers: { authorization: `Bearer ${token}` } };
  const request = requestInfo("GET", url);
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const start = process.cpuUsage();
    for (let index = 0; index < judgements; index++) {
      const user = await authenticator.authenticate(credentials);
      if (user === undefined) throw new Error("Cannot bench: the robot is not known");
      const { allowed } = await scope.rights.authorize(user, request);
      if (!allowed) throw new Error("Cannot bench: the robot has no right");
    }
    const { user, system } = process.cpuUsage(start);
    if (round > 0) costs.push((user + system) / judgements); // the first round warms up
  }
  return costs;
}

/** Microseconds of a server's CPU per GET of the administrator. */
async function getting(): Promise<readonly number[]> {
  await using dir = await scratchDir();
  await using server = await startLighthouse({
    command: "server",
    dataDir: dir.path,
    docker: [],
    args: ["--log-level=warn"],
  });
  await using client = await openBenchClient(server.kubeconfig, 4);
  const text = JSON.stringify({ metadata: { name: "x" }, data: { key: "value" } });
  await client.send("POST", "/api/v1/namespaces/default/configmaps", { text });
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = await cpuSeconds(server.pid);
    let count = 0;
    await measureWrites(4, 1_000, async () => {
      await client.send("GET", url);
      count += 1;
    });
    const used = (await cpuSeconds(server.pid)) - before;
    if (round > 0) costs.push((used * 1e6) / count);
  }
  return costs;
}

/** What knowing and judging the caller adds to the cheapest request, in CPU. */
export const benchAccess: Section = async (note) => {
  const judge = median(await judging());
  const get = median(await getting());
  note(`${users} users, ${bindings} bindings: ${judge.toFixed(1)} us of ${get.toFixed(0)} us`);
  return [
    {
      what: "authentication by token and RBAC, 5,000 bindings: share of a GET",
      value: (100 * judge) / get,
      unit: "%",
      atMost: 5,
      from: `${judge.toFixed(1)} us / ${get.toFixed(0)} us of CPU`,
    },
  ];
};
