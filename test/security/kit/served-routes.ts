import diagnostics from "node:diagnostics_channel";
import type { FastifyInstance } from "fastify";

/** A route as it was registered. */
export type Route = {
  readonly method: string;
  /** e.g. `/api/v1/nodes/:name/proxy/*`. */
  readonly pattern: string;
};

/** Collects the routes of every app that is built until it is disposed of. */
export type RouteRecorder = Disposable & { readonly routes: readonly Route[] };

/** Routes are asked of the framework itself, so that none can be forgotten. */
export function recordRoutes(): RouteRecorder {
  const routes: Route[] = [];
  const onApp = (message: unknown): void => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook("onRoute", ({ method, url }) => {
      for (const one of [method].flat()) routes.push({ method: one, pattern: url });
    });
  };
  diagnostics.subscribe("fastify.initialization", onApp);
  return {
    routes,
    [Symbol.dispose]: () => void diagnostics.unsubscribe("fastify.initialization", onApp),
  };
}
