import { once } from "node:events";
import { buildApp } from "../../api/server/app.ts";
import { serveDiscovery } from "../../api/server/discovery.ts";
import type { App } from "../../api/server/http.ts";
import { nodeStreams } from "../../api/server/pods/pod-streams.ts";
import { openScope, type OwnedScope } from "../../api/server/scope.ts";
import { serveVersion } from "../../api/server/version.ts";
import { memoryStore } from "../../api/store/memory.ts";
import type { Store } from "../../api/store/store.ts";
import { fastClock, realMs } from "./fast-clock.ts";
import type { FaultyApi } from "./stage.ts";

/** An API server in this process. */
export interface MortalApi extends FaultyApi, AsyncDisposable {
  /** Of 127.0.0.1, while it runs. */
  port(): number;
}

/** A store that a dead process has no access to any more. */
function mortal(store: Store, isDead: () => boolean, death: AbortSignal): Store {
  const alive =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (isDead()) throw new Error("the process was killed");
      return call(...args);
    };
  return {
    get: alive((key) => store.get(key)),
    list: alive((range) => store.list(range)),
    put: alive((key, value, expected, guard) => store.put(key, value, expected, guard)),
    delete: alive((key, expected, guard) => store.delete(key, expected, guard)),
    head: alive(() => store.head()),
    compact: alive((upTo) => store.compact(upTo)),
    async *watch(prefix, since, signal) {
      yield* store.watch(prefix, since, AbortSignal.any([signal, death]));
      // Dead, and not told so: whoever listens must not open it again and again.
      if (!signal.aborted) await once(signal, "abort");
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

type Life = {
  readonly app: App;
  readonly scope: OwnedScope;
  readonly port: number;
  readonly end: AbortController;
};

type Interception = { readonly request: RegExp; readonly act: () => Promise<void> };

class Api implements MortalApi {
  readonly #store = memoryStore();
  readonly #interceptions: Interception[] = [];
  readonly #ending: Promise<unknown>[] = [];
  #life: Life | undefined;

  port(): number {
    return this.#life?.port ?? 1; // nobody listens on port 1
  }

  onDelete(pod: string, act: () => Promise<void>): void {
    const request = new RegExp(`^DELETE /api/v1/namespaces/default/pods/${pod}(\\?|$)`);
    this.#interceptions.push({ request, act });
  }

  async #hold(request: string): Promise<void> {
    const index = this.#interceptions.findIndex((one) => one.request.test(request));
    if (index >= 0) await this.#interceptions.splice(index, 1)[0]?.act();
  }

  async start(): Promise<void> {
    if (this.#life !== undefined) return;
    const end = new AbortController();
    const store = mortal(this.#store, () => end.signal.aborted, end.signal);
    const scope = await openScope(store, fastClock);
    const app = buildApp({
      scope,
      nodes: nodeStreams(),
      authenticator: {
        authenticate: async () => ({ name: "tester", groups: ["system:masters"] }),
      },
      authorizer: { authorize: async () => ({ allowed: true }) },
      bookmarkMs: realMs(60_000),
      graceMs: 1,
      routes: (inner) => {
        serveVersion(inner, "0.0.0-test");
        serveDiscovery(inner, scope.kinds, () => "127.0.0.1");
      },
    });
    app.addHook("onRequest", ({ method, url }) => this.#hold(`${method} ${url}`));
    await app.listen({ host: "127.0.0.1", port: 0 });
    const address = app.server.address();
    if (address === null || typeof address === "string") throw new Error("No port was given");
    this.#life = { app, scope, port: address.port, end };
  }

  kill(): void {
    const life = this.#life;
    if (life === undefined) return;
    this.#life = undefined;
    const { app, scope, end } = life;
    end.abort();
    const closed = app.close();
    app.server.closeAllConnections();
    const clear = async (): Promise<void> => {
      await closed;
      await scope.cache[Symbol.asyncDispose]();
    };
    this.#ending.push(clear().catch(() => undefined)); // what a dead process says does not count
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await Promise.all(this.#ending);
    await this.#store[Symbol.asyncDispose]();
  }
}

/** A server over a memory that outlives it. It does not run yet. */
export function createMortalApi(): MortalApi {
  return new Api();
}
