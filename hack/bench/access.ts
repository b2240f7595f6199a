import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { pino } from "pino";
import type { User } from "../../crds/types.gen.ts";
import { type AppOptions, buildApp } from "../../api/server/app.ts";
import { accountAuthenticator } from "../../api/server/authn/account.ts";
import { certificateAuthenticator } from "../../api/server/authn/certificate.ts";
import { authenticatorChain } from "../../api/server/authn/chain.ts";
import { withImpersonation } from "../../api/server/authn/impersonate.ts";
import { sessionAuthenticator } from "../../api/server/authn/session.ts";
import { openSessions } from "../../api/server/identity/sessions.ts";
import { openJoining } from "../../api/server/joining.ts";
import { listenOn } from "../../api/server/listener.ts";
import { parseServerConfig, serverUrl } from "../../api/server/config.ts";
import { openAudit } from "../../api/server/audit/open-audit.ts";
import { openRegistry } from "../../api/server/metrics/registry.ts";
import { openService } from "../../api/server/service.ts";
import { openPki, type Pki } from "../../api/server/pki.ts";
import { issueCertificate } from "../../api/server/pki/issue.ts";
import { nodeStreams } from "../../api/server/pods/pod-streams.ts";
import { openScope, type OwnedScope } from "../../api/server/scope.ts";
import { encodeObject } from "../../api/store/item.ts";
import { storeKey } from "../../api/store/keys.ts";
import { memoryStore } from "../../api/store/memory.ts";
import type { Store } from "../../api/store/store.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import type { GetLoad, GetOrder } from "./get-load.ts";
import { scratchDir } from "./world.ts";

const rounds = 15;
const gets = 2_000;
const users = 1_000;
const bindings = 5_000;
const group = "rbac.authorization.k8s.io";
const object = "/api/v1/namespaces/default/configmaps/x";
/** From the watch cache; without the parameter the store is asked. */
const cached = `${object}?resourceVersion=0`;

type Stored = {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
};

type Type = { readonly group: string; readonly plural: string };

async function put(store: Store, type: Type, stored: Stored): Promise<void> {
  const apiVersion = type.group === "" ? "v1" : `${type.group}/v1`;
  await store.put(storeKey(type, stored.metadata), encodeObject({ apiVersion, ...stored }), 0);
}

const userOf = (index: number): User => {
  const name = `u${index}`;
  const metadata = { name, uid: name, resourceVersion: "1", creationTimestamp: "" };
  const spec = { email: `${name}@example.com`, displayName: "", groups: ["team"], disabled: false };
  return { apiVersion: "lighthouse.dev/v1", kind: "User", metadata, spec };
};

/** Many users with a few rights each, and a robot that may read. */
async function prepare(store: Store): Promise<void> {
  const account = { name: "robot", namespace: "default", uid: "robot" };
  await put(
    store,
    { group: "", plural: "serviceaccounts" },
    { kind: "ServiceAccount", metadata: account },
  );
  const value = {
    kind: "ConfigMap",
    metadata: { name: "x", namespace: "default" },
    data: { key: "value" },
  };
  await put(store, { group: "", plural: "configmaps" }, value);
  for (let index = 0; index < users; index++) {
    const { kind, metadata, spec } = userOf(index);
    await put(store, { group: "lighthouse.dev", plural: "users" }, { kind, metadata, spec });
  }
  for (let index = 0; index < bindings; index++) {
    const user = { kind: "User", apiGroup: group, name: `u${index % users}` };
    await put(
      store,
      { group, plural: "rolebindings" },
      {
        kind: "RoleBinding",
        metadata: { name: `b${index}`, namespace: "default" },
        roleRef: { apiGroup: group, kind: "ClusterRole", name: "view" },
        subjects: [index === 0 ? { kind: "ServiceAccount", name: "robot" } : user],
      },
    );
  }
}

const onError = (err: unknown): void => {
  throw err;
};

type World = { readonly scope: OwnedScope; readonly pki: Pki; readonly store: Store };

/** How the product knows who asks, and decides; and how nobody would. */
function guards({ scope, pki }: World): Readonly<Record<"with" | "without", Guard>> {
  const { storage } = scope;
  const log = pino({ level: "silent" });
  const joining = openJoining({ storage, clock: systemClock, pki: { current: () => pki }, log });
  const chain = authenticatorChain([
    ...joining.authenticators,
    certificateAuthenticator(scope.users.isDisabled),
    sessionAuthenticator(openSessions({ storage, clock: systemClock, onError })),
    accountAuthenticator(scope.reviewer),
  ]);
  const asked = { authenticator: withImpersonation(chain, scope.rights), authorizer: scope.rights };
  return { with: asked, without: askedOnce(asked) };
}

/** The same user and verdict for everybody: what else the server does with them stays the same. */
function askedOnce({ authenticator, authorizer }: Guard): Guard {
  let user: ReturnType<typeof authenticator.authenticate> | undefined;
  let verdict: ReturnType<typeof authorizer.authorize> | undefined;
  return {
    authenticator: { authenticate: (sent) => (user ??= authenticator.authenticate(sent)) },
    authorizer: { authorize: (who, what) => (verdict ??= authorizer.authorize(who, what)) },
  };
}

type Guard = Pick<AppOptions, "authenticator" | "authorizer">;

/** All that the product does with a request, over the same scope, behind TLS on a port of its own. */
async function serve({ scope, pki, store }: World, guard: Guard, stack: AsyncDisposableStack) {
  const dataDir = stack.use(await scratchDir()).path;
  const { serving, authority } = pki;
  const registry = openRegistry();
  await mkdir(join(dataDir, "pki"));
  const audit = stack.use(await openAudit(parseServerConfig({ dataDir }), systemClock, onError));
  const service = openService({ scope, store, registry, audit });
  const app = buildApp({
    scope,
    nodes: nodeStreams(),
    tls: { key: serving.key, cert: serving.certificate, ca: authority },
    ...guard,
    ...service,
    publicRoutes: service.addPublic,
    routes: service.addGuarded,
  });
  stack.defer(() => app.close());
  return serverUrl(await listenOn(app, { host: "127.0.0.1", port: 0 }));
}

type Send = (order: GetOrder) => Promise<void>;

/** A thread that sends what it is told to. */
function loader(load: GetLoad, stack: AsyncDisposableStack): Send {
  const worker = new Worker(new URL("./get-load.ts", import.meta.url), { workerData: load });
  stack.defer(async () => void (await worker.terminate()));
  return async (order) => {
    worker.postMessage(order, []);
    const [answer] = await once(worker, "message");
    if (answer !== "done") throw new Error(String(answer));
  };
}

/** Microseconds of CPU that the thread of the server takes for one GET. */
async function cost(send: Send, url: string): Promise<number> {
  const start = process.threadCpuUsage();
  await send({ url, count: gets });
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / gets;
}

/** Who asks, by each of the ways to be known. */
async function callers({ scope, pki }: World): Promise<Readonly<Record<string, GetLoad>>> {
  const { storage, tokens } = scope;
  const { authority, issuer } = pki;
  const account = { name: "robot", uid: "robot" };
  const order = { claims: { namespace: "default", account }, audiences: [tokens.issuer] };
  const sessions = openSessions({ storage, clock: systemClock, onError });
  const begun = await sessions.beginPair(userOf(1), { address: "127.0.0.1", userAgent: "bench" });
  const client = await issueCertificate(issuer, {
    identity: { user: "u2", groups: ["team"] },
    usage: "client",
    names: [],
    nowMs: Date.now(),
  });
  return {
    "ServiceAccount token": {
      authority,
      token: await tokens.sign({ ...order, lifetimeSeconds: 3_600 }),
    },
    "session token": { authority, token: begun.tokens.access },
    "client certificate": { authority, client },
  };
}

async function measure(world: World, what: string, load: GetLoad): Promise<Figure> {
  await using stack = new AsyncDisposableStack();
  const { with: judging, without: open } = guards(world);
  const [guarded, plain] = [await serve(world, judging, stack), await serve(world, open, stack)];
  const send = loader(load, stack);
  const costs: { readonly guarded: number; readonly plain: number }[] = [];
  for (let round = 0; round <= rounds; round++) {
    // In turns, and each first as often as last: the machine is never the same for long.
    const order = round % 2 === 0 ? ([guarded, plain] as const) : ([plain, guarded] as const);
    const [first, second] = [
      await cost(send, `${order[0]}${cached}`),
      await cost(send, `${order[1]}${cached}`),
    ];
    const pair =
      round % 2 === 0 ? { guarded: first, plain: second } : { guarded: second, plain: first };
    if (round > 0) costs.push(pair); // the first round warms up
  }
  const [dear, cheap] = [
    median(costs.map((one) => one.guarded)),
    median(costs.map((one) => one.plain)),
  ];
  return {
    what: `GET from the watch cache: authentication and RBAC add, by ${what}`,
    value: 100 * (median(costs.map((one) => one.guarded / one.plain)) - 1),
    unit: "%",
    atMost: 5,
    from: `${dear.toFixed(1)} us / ${cheap.toFixed(1)} us of CPU`,
  };
}

/** What knowing and judging the caller adds to the cheapest request over HTTPS, in CPU of the server. */
export const benchAccess: Section = async (note, { only = "" }) => {
  await using dir = await scratchDir();
  await using store = memoryStore();
  await prepare(store);
  const scope = await openScope(store, systemClock);
  await using _cache = scope.cache;
  const pki = await openPki({ directory: dir.path, names: ["127.0.0.1"], nowMs: Date.now() });
  const world: World = { scope, pki, store };
  const figures: Figure[] = [];
  for (const [what, load] of Object.entries(await callers(world))) {
    if (!what.includes(only)) continue;
    note(`${users} users, ${bindings} bindings: ${what}`);
    figures.push(await measure(world, what, load));
  }
  return figures;
};
