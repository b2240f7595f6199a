import { collectionPrefix } from "../store/keys.ts";
import type { Store } from "../store/store.ts";
import type { AppOptions } from "./app.ts";
import { logRequests } from "./audit/access-log.ts";
import { openAuditing } from "./audit/audit.ts";
import type { OpenAudit } from "./audit/open-audit.ts";
import { serveAudit } from "./audit/serve-audit.ts";
import { fairness } from "./fairness/fairness.ts";
import { type HealthCheck, serveHealth } from "./health.ts";
import type { App } from "./http.ts";
import { addFleetMetrics } from "./metrics/fleet-metrics.ts";
import type { Registry } from "./metrics/registry.ts";
import {
  addAuditMetrics,
  addFairnessMetrics,
  addObjectCounts,
  serverMetrics,
} from "./metrics/server-metrics.ts";
import type { Scope } from "./objects/call.ts";
import { addResponseHeaders } from "./response-headers.ts";

/** What operators see of a server, and what protects it from its clients. */
export type Service = Pick<AppOptions, "auditing" | "fairness" | "onWatchEvents"> & {
  /** Headers, logs, counts and probes: for everybody, before anything else. */
  readonly addPublic: (app: App) => void;
  /** What only the authorized may see. */
  readonly addGuarded: (app: App) => void;
  /** From now on `/readyz` fails: balancers send new requests elsewhere while old ones end. */
  readonly drain: () => void;
};

/** What a service is made of. */
export type ServiceOptions = {
  readonly scope: Scope;
  readonly store: Pick<Store, "head">;
  readonly registry: Registry;
  readonly audit: Omit<OpenAudit, keyof AsyncDisposable>;
};

/** Builds the service side of one server. */
export function openService({ scope, store, registry, audit }: ServiceOptions): Service {
  let draining = false;
  const checks: readonly HealthCheck[] = [
    {
      name: "shutdown",
      check: async () => {
        if (draining) throw new Error("the server is about to end");
      },
    },
    { name: "store", live: false, check: async () => void (await store.head()) },
  ];
  const shares = fairness(scope);
  const metrics = serverMetrics(scope.kinds, registry);
  addFairnessMetrics(registry, shares);
  addObjectCounts(registry, scope.kinds, (kind) =>
    scope.storage.cache.count(collectionPrefix(kind)),
  );
  const nodes = collectionPrefix({ group: "", plural: "nodes" });
  addFleetMetrics(registry, () => scope.storage.cache.list(nodes).map(({ object }) => object));
  addAuditMetrics(registry, audit.log);
  const auditing = openAuditing({ ...audit, clock: scope.clock });
  return {
    auditing,
    fairness: shares,
    onWatchEvents: (kind, count) => metrics.countEvents(kind, count),
    addPublic(app) {
      addResponseHeaders(app);
      logRequests(app);
      auditing.serve(app);
      metrics.count(app);
      serveHealth(app, checks);
    },
    addGuarded(app) {
      metrics.serve(app);
      serveAudit(app, audit);
    },
    drain() {
      draining = true;
    },
  };
}
