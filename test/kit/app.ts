import type { LightMyRequestResponse } from "fastify";
import { pino } from "pino";
import type { Authenticator } from "../../api/server/access.ts";
import { type AdmissionSettings, defaultAdmission } from "../../api/server/admission/settings.ts";
import { type AppOptions, buildApp } from "../../api/server/app.ts";
import { accountAuthenticator } from "../../api/server/authn/account.ts";
import { authenticatorChain } from "../../api/server/authn/chain.ts";
import { withImpersonation } from "../../api/server/authn/impersonate.ts";
import { type Identity, openIdentity } from "../../api/server/identity/open-identity.ts";
import type { App } from "../../api/server/http.ts";
import type { JsonObject, Kinds, WritableMeta } from "../../api/server/kinds/kind.ts";
import { type NodeStreams, nodeStreams } from "../../api/server/pods/pod-streams.ts";
import { openScope, type OwnedScope } from "../../api/server/scope.ts";
import type { WindowLimits } from "../../api/store/cached-collection.ts";
import { memoryStore } from "../../api/store/memory.ts";
import type { Store } from "../../api/store/store.ts";
import { previewRollout } from "../../controllers/preview.ts";
import { tunnelledNodes } from "./tunnelled-nodes.ts";
import { type ManualClock, manualClock } from "./clock.ts";

/** What came back. `body` is the parsed JSON, or the text if it is none. */
export type Answer = {
  readonly code: number;
  readonly body: JsonObject;
  readonly text: string;
  readonly headers: LightMyRequestResponse["headers"];
};

/** Metadata of an object or of a list, as tests look at it. */
export type SeenMeta = WritableMeta & {
  readonly continue?: string;
  readonly remainingItemCount?: number;
};

/** The metadata of an answer. */
export function metaOf({ metadata }: JsonObject): SeenMeta {
  return metadata as SeenMeta;
}

/** One line of a watch. */
export type Frame = { readonly type: string; readonly object: JsonObject };

/** A watch that is open. */
export type OpenStream = AsyncDisposable & {
  readonly code: number;
  /** The next lines as they come. */
  take(count: number): Promise<readonly Frame[]>;
  /** All lines until the server ends the stream. */
  rest(): Promise<readonly Frame[]>;
};

/** How a request differs from the plainest one. */
export type SendOptions = {
  readonly type?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
};

/** The app without TLS, listener or guard: for tests of what requests mean. */
export type TestApp = AsyncDisposable & {
  readonly app: App;
  readonly store: Store;
  readonly scope: OwnedScope;
  readonly nodes: NodeStreams;
  readonly clock: ManualClock;
  readonly identity: Identity;
  /** A body that is no string is sent as JSON. */
  send(method: Method, url: string, body?: unknown, options?: SendOptions): Promise<Answer>;
  stream(url: string, options?: SendOptions): Promise<OpenStream>;
};

/** What a test sends. */
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";

/** What a test may want otherwise. */
export type TestAppOptions = {
  readonly bookmarkMs?: number;
  readonly limits?: WindowLimits;
  /** Default: a fresh memory store. */
  readonly store?: Store;
  /** Default: the kinds of the product. */
  readonly kinds?: Kinds;
  /** What is registered streams through a tunnel, as if its agent were in another process. */
  readonly tunnelled?: boolean;
  /** What differs from `defaultAdmission`. */
  readonly admission?: Partial<AdmissionSettings>;
  /** Judge every request by RBAC; users name themselves, see {@link asUser}. */
  readonly guarded?: boolean;
};

const userHeader = "x-test-user";

/** Headers by which a guarded test app knows a user. */
export function asUser(name: string, ...groups: readonly string[]): Record<string, string> {
  return { [userHeader]: [name, ...groups].join(" ") };
}

const selfNamed: Authenticator = {
  async authenticate({ headers }) {
    const [name, ...groups] = String(headers[userHeader] ?? "").split(" ");
    return name === undefined || name === "" ? undefined : { name, groups };
  },
};

type Guard = Pick<AppOptions, "authenticator" | "authorizer">;

function guardOf({ rights, reviewer }: OwnedScope, { authenticators }: Identity): Guard {
  const chain = authenticatorChain([selfNamed, ...authenticators, accountAuthenticator(reviewer)]);
  return { authenticator: withImpersonation(chain, rights), authorizer: rights };
}

/** Tests hash many passwords, and guard none. */
const cheap = { memoryKiB: 8, passes: 1, lanes: 1 };

const noGuard: Guard = {
  authenticator: { authenticate: async () => ({ name: "tester", groups: ["system:masters"] }) },
  authorizer: { authorize: async () => ({ allowed: true }) },
};

/** Opens an app over a fresh memory store, for a user who may do everything. */
export async function openTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const { bookmarkMs = 60_000, limits, store = memoryStore() } = options;
  const clock = manualClock();
  await using opening = new AsyncDisposableStack();
  const tunnelled =
    options.tunnelled === true ? opening.use(await tunnelledNodes(store)) : undefined;
  const nodes = tunnelled?.nodes ?? nodeStreams();
  const opened = await openScope(store, clock, {
    nodes,
    ...(limits === undefined ? {} : { limits }),
    planRollout: previewRollout,
    admission: { ...defaultAdmission, ...options.admission },
  });
  const scope = options.kinds === undefined ? opened : { ...opened, kinds: options.kinds };
  const log = pino({ level: process.env["LIGHTHOUSE_TEST_LOG"] ?? "silent" });
  const identity = openIdentity({ ...opened, clock, log, cost: cheap });
  const app = buildApp({
    scope,
    nodes,
    bookmarkMs,
    log,
    publicRoutes: identity.addPublic,
    endpoints: identity.endpoints,
    ...(options.guarded === true ? guardOf(opened, identity) : noGuard),
  });
  await app.ready();
  const tunnel = opening.move();
  return {
    app,
    store,
    scope,
    nodes,
    clock,
    identity,
    send: (method, url, body, options) => send(app, { method, url, body, ...options }),
    stream: (url, options) => stream(app, url, options),
    async [Symbol.asyncDispose]() {
      await app.close();
      await tunnel.disposeAsync();
      await scope.cache[Symbol.asyncDispose]();
      if (options.store === undefined) await store[Symbol.asyncDispose]();
    },
  };
}

type Sent = SendOptions & {
  readonly method: Method;
  readonly url: string;
  readonly body?: unknown;
};

function headersOf({ type, accept, headers }: SendOptions): Record<string, string> {
  return {
    ...headers,
    ...(type === undefined ? {} : { "content-type": type }),
    ...(accept === undefined ? {} : { accept }),
  };
}

async function send(app: App, { method, url, body, ...options }: Sent): Promise<Answer> {
  const payload = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const response = await app.inject({
    method,
    url,
    headers: headersOf(options),
    ...(payload === undefined ? {} : { payload }),
  });
  const { statusCode: code, payload: text, headers } = response;
  return { code, text, headers, body: parsed(text) };
}

function parsed(text: string): JsonObject {
  try {
    return JSON.parse(text) as JsonObject;
  } catch {
    return {}; // a log or a stream: the test looks at the text
  }
}

async function stream(app: App, url: string, options: SendOptions = {}): Promise<OpenStream> {
  const response = await app.inject({ url, headers: headersOf(options), payloadAsStream: true });
  const body = response.stream();
  const lines = readLines(body);
  const next = async (): Promise<Frame | undefined> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as Frame);
  };
  return {
    code: response.statusCode,
    async take(count) {
      const frames: Frame[] = [];
      while (frames.length < count) {
        const frame = await next();
        if (frame === undefined) throw new Error(`Watch ended after ${frames.length} lines`);
        frames.push(frame);
      }
      return frames;
    },
    async rest() {
      const frames: Frame[] = [];
      for (let frame = await next(); frame !== undefined; frame = await next()) frames.push(frame);
      return frames;
    },
    async [Symbol.asyncDispose]() {
      body.destroy();
    },
  };
}

async function* readLines(chunks: AsyncIterable<unknown>): AsyncGenerator<string, void, undefined> {
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
