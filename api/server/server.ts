import { hostname } from "node:os";
import { dirname, join } from "node:path";
import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../machinery/clock.ts";
import { runCompactor } from "../store/compactor.ts";
import type { Store } from "../store/store.ts";
import { buildApp } from "./app.ts";
import { serveAuthority } from "./authority-routes.ts";
import { readAdmissionConfiguration } from "./admission/configuration.ts";
import { openAudit } from "./audit/open-audit.ts";
import { serveBackup } from "./backup/serve-backup.ts";
import { readServerFiles } from "./backup/server-files.ts";
import type { BackupSource } from "./backup/take-backup.ts";
import { type ServerConfig, peerUrl, servingNames, serverUrl } from "./config.ts";
import { openExternal } from "./external-tls.ts";
import { serveDiscovery } from "./discovery.ts";
import type { Encryption } from "./encryption/encryption.ts";
import { serveEncryption } from "./encryption/routes.ts";
import type { App } from "./http.ts";
import { listenOn } from "./listener.ts";
import { openRegistry } from "./metrics/registry.ts";
import { serveOpenApi } from "./openapi/openapi.ts";
import { serveOpenApiV2 } from "./openapi/openapi-v2.ts";
import { layeredStore } from "./layered-store.ts";
import { type LivePki, openLivePki, rootSpreadMs } from "./live-pki.ts";
import { accessesOf, type OwnAccess, pkiDirectory, writeKubeconfigs } from "./own-access.ts";
import type { NodeStreams } from "./pods/pod-streams.ts";
import { tokenUserBy } from "./reviews/token-users.ts";
import type { PlanRollout } from "./rollouts/planner.ts";
import { openScope, type OwnedScope, type ScopeOptions } from "./scope.ts";
import { openService, type Service } from "./service.ts";
import { publishAuthority } from "./root-certificate.ts";
import { servingTls, type ServingTls } from "./serving-tls.ts";
import { fillTokenSecrets } from "./tokens/fill-secrets.ts";
import { serveIssuer } from "./tokens/issuer-documents.ts";
import { openTokenKeys } from "./tokens/token-keys.ts";
import { connectAgents, type TunnelService } from "./tunnel/open-tunnels.ts";
import { serveVersion } from "./version.ts";
import { callersBy, openWays, peopleOf, type Ways } from "./ways.ts";

/** What a server is made of. */
export type ServerOptions = {
  readonly config: ServerConfig;
  /** Stays the caller's: it is closed after the server. */
  readonly store: Store;
  /** Other servers write to the store too. Else heartbeats live in memory, see `withVolatile`. */
  readonly sharedStore?: boolean;
  /** How `store` is encrypted; `store` is then its decorated one. Absent: it is not, as in tests. */
  readonly encryption?: Encryption;
  readonly log: FastifyBaseLogger;
  readonly clock: Clock;
  /** Version of the product, e.g. `0.1.0`. */
  readonly version: string;
  /** Works out what an Application would lead to: the controllers' part, which the server must not know. */
  readonly planRollout?: PlanRollout;
};

/** A server that listens. Dispose of it to end its watches, its connections and its listener. */
export interface RunningServer extends AsyncDisposable, OwnAccess {
  /** e.g. `https://127.0.0.1:6443`. */
  readonly url: string;
  /** metadata.name of the Beacon that this agent speaks for. */
  readonly beacon: string;
  /** Where the first user is made, once, with the secret; absent when there are users. */
  readonly setupLink?: string;
  /** Where agents of this process register as streamers of their nodes' logs. */
  readonly nodes: NodeStreams;
}

type Parts = {
  readonly ways: Ways;
  readonly scope: OwnedScope;
  readonly nodes: NodeStreams;
  readonly service: Service;
  readonly tunnels: TunnelService;
  readonly serving: ServingTls;
};

function backupSource(
  { config, clock, version, sharedStore = false, encryption }: ServerOptions,
  { storage }: OwnedScope,
): BackupSource {
  const { auditLog, auditPolicy, tokenIssuer, names } = config;
  const keys = encryption?.file;
  return {
    store: storage.store,
    shared: sharedStore,
    files: () => readServerFiles(pkiDirectory(config)),
    settings: { auditLog, auditPolicy, tokenIssuer, names, encryptionKeys: keys },
    version,
    nowMs: () => clock.nowMs(),
  };
}

/** What the listener shows: our own certificate, and those of others that the configuration names. */
async function openServing(
  { config: { externalTls: files }, clock, log }: ServerOptions,
  pki: LivePki,
): Promise<ServingTls> {
  return servingTls(
    pki,
    files === undefined ? undefined : await openExternal({ files, clock, log }),
  );
}

/** Calls `address` when somebody asks: the port may be known only after listening. */
function buildServer(
  options: ServerOptions,
  { scope, nodes, service, tunnels, serving, ways }: Parts,
  pki: LivePki,
  address: () => string,
): App {
  const { clock, log, version, encryption } = options;
  return buildApp({
    scope,
    nodes,
    authenticator: callersBy(scope, ways),
    authorizer: scope.rights,
    onAccessChange: ways.oidc.onChange,
    endpoints: new Map([...tunnels.endpoints, ...ways.identity.endpoints]),
    log,
    ...service,
    trustedProxies: options.config.trustedProxies ?? [],
    tls: serving.material(),
    publicRoutes: (app) => {
      service.addPublic(app);
      for (const way of [ways.joining, ways.oidc, ways.identity]) way.addPublic(app);
    },
    routes: (app) => {
      serveVersion(app, version);
      serveAuthority(app, { pki, storage: scope.storage, clock });
      serveDiscovery(app, scope.kinds, address);
      serveIssuer(app, scope.tokens, address);
      serveOpenApi(app, scope.kinds);
      serveOpenApiV2(app, scope.kinds);
      service.addGuarded(app);
      tunnels.serve(app);
      serveEncryption(app, encryption);
      serveBackup(app, backupSource(options, scope));
    },
  });
}

/** The link to the first user, where there is none. */
async function setupLinkOf(
  { config, sharedStore: shared = false }: ServerOptions,
  { identity }: Ways,
  url: string,
): Promise<Pick<RunningServer, "setupLink">> {
  const { dataDir, kubeconfig = join(dataDir, "kubeconfig"), setupLink = true } = config;
  if (!setupLink) return {};
  const path = join(dirname(kubeconfig), "setup-link");
  const link = await identity.offerSetup({ path, page: `${url}/auth/setup`, shared });
  return link === undefined ? {} : { setupLink: link };
}

type OnError = (err: unknown, what: string) => void;

/** Tells everybody in the cluster which authority is ours, now and whenever its roots change. */
async function spreadTrust(scope: OwnedScope, pki: LivePki, onError: OnError): Promise<void> {
  const authority = (): string => pki.current().authority;
  await publishAuthority(scope, authority());
  const fails = (err: unknown): void => onError(err, "fill a token's Secret");
  const secrets = fillTokenSecrets({ ...scope, authority, onError: fails });
  pki.onChange(async () => {
    secrets.refill();
    await publishAuthority(scope, authority());
  });
}

type Running = { run(signal: AbortSignal): Promise<void> };

/** Runs parts until the stack is disposed of, which waits for them. */
function runAlong(parts: readonly Running[], stack: AsyncDisposableStack): void {
  const stop = new AbortController();
  const running = Promise.all(parts.map((part) => part.run(stop.signal)));
  stack.defer(async () => {
    stop.abort();
    await running;
  });
}

async function admissionOf({
  admissionConfig,
}: ServerConfig): Promise<Pick<ScopeOptions, "admission">> {
  if (admissionConfig === undefined) return {};
  return { admission: await readAdmissionConfiguration(admissionConfig) };
}

function trimHistory({ store, clock }: ServerOptions, onError: OnError): Running {
  const trimming = {
    store,
    clock,
    onError: (err: unknown): void => onError(err, "trim the history"),
  };
  return { run: (signal) => runCompactor(trimming, signal) };
}

/**
 * Starts an API server and resolves when it answers. Creates or renews certificates, listens with
 * TLS only (HTTP/2 and HTTP/1.1 on one port), then writes the kubeconfigs.
 *
 * @throws Error that names what is in the way (a damaged file, a taken port, a path that cannot be
 * written) and the way out; then nothing listens and nothing is left open.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { config, clock, log } = options;
  const names = servingNames(config, hostname());
  const directory = pkiDirectory(config);
  await using stack = new AsyncDisposableStack();
  const beacon = config.beacon === undefined ? {} : { beacon: config.beacon };
  const onError: OnError = (err, what) => log.error({ err, what }, "cannot go on");
  const registry = openRegistry();
  const store = await layeredStore(options, registry, stack);
  const scope = await openScope(store, clock, {
    onError,
    nodes: { handler: (name) => nodes.handler(name) },
    tokenUser: (token) => tokenUserBy(peopleOf(ways))(token),
    tokenKeys: await openTokenKeys(directory),
    ...(await admissionOf(config)),
    ...(config.tokenIssuer === undefined ? {} : { tokenIssuer: config.tokenIssuer }),
    ...(options.planRollout === undefined ? {} : { planRollout: options.planRollout }),
  });
  stack.use(scope.cache);
  const files = { directory, names, ...beacon };
  // Other servers have to learn of a new root before it issues.
  const spreadMs = options.sharedStore === true ? rootSpreadMs : 0;
  const pki = await openLivePki({ storage: scope.storage, files, clock, log, spreadMs });
  await spreadTrust(scope, pki, onError);
  let url = serverUrl(config.listen);
  const server = (): string => peerUrl(config.listen, url);
  const about = { ...scope, clock, trust: pki.current, registry, server, onError };
  const { tunnels, nodes } = connectAgents(about);
  const audit = stack.use(await openAudit(config, clock, onError));
  const service = openService({ scope, store, registry, audit });
  const ways = await openWays(options, scope, pki);
  const serving = await openServing(options, pki);
  const parts: Parts = { scope, nodes, service, tunnels, serving, ways };
  const app = buildServer(options, parts, pki, () => new URL(url).host);
  stack.defer(async () => {
    service.drain();
    await Promise.all([tunnels.drain(), app.close()]);
  });
  for (const part of [ways.joining, pki]) part.watch(app.server);
  url = serverUrl(await listenOn(app, config.listen));
  await writeKubeconfigs(config, pki.current(), url);
  serving.serve(app);
  pki.onChange((now) => writeKubeconfigs(config, now, url));
  const trimming = trimHistory(options, onError);
  runAlong([pki, serving, tunnels, trimming, ...Object.values(ways)], stack);
  log.info({ url }, "server ready");
  const setup = await setupLinkOf(options, ways, server());
  const owned = stack.move();
  return {
    ...setup,
    url,
    nodes,
    beacon: pki.current().beacon,
    ...accessesOf(pki.current, url),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Runs an API server until `signal` aborts. `onReady` is called once it answers. */
export async function runServer(
  options: ServerOptions,
  signal: AbortSignal,
  onReady: (server: RunningServer) => void,
): Promise<void> {
  await using server = await startServer(options);
  onReady(server);
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
