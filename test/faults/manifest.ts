import type { Application } from "../../crds/types.gen.ts";
import { type Cell, isLasting } from "./cell.ts";
import type { World } from "./stage.ts";

/** Slots that may be down by our hand. */
export const batch = 1;

/** Whether the version is one that fails while it is watched. */
function isToFail({ operation, kind }: Cell, version: number): boolean {
  const isTarget = version === (kind === "first rollout" ? 1 : 2);
  return isTarget && (operation === "crash while watched" || kind === "rollback");
}

/** The Application of a cell, in one of its two versions. Times are by the world's clock. */
export function applicationOf(
  { pace, imageOf }: Pick<World, "pace" | "imageOf">,
  cell: Cell,
  name: string,
  version: number,
): Application {
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { namespace: "default", name },
    spec: {
      replicas: 3,
      template: {
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "web",
              image: imageOf(name, version),
              ports: [{ name: "http", containerPort: 80 }],
              readinessProbe: { httpGet: { port: "http" }, periodSeconds: 1, timeoutSeconds: 10 },
            },
          ],
        },
      },
      strategy: {
        batch,
        order: "StopFirst",
        minReadySeconds: 1,
        // Longer than any fault that hides a crash from everybody.
        monitorSeconds: isToFail(cell, version) ? pace.longMonitorSeconds : pace.monitorSeconds,
        // What never ends by itself must be given up soon; what only interrupts must not be.
        progressDeadlineSeconds: isLasting(cell) ? 30 : 120,
      },
    },
  } as unknown as Application; // defaults are the server's
}
