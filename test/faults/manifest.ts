import type { Application } from "../../crds/types.gen.ts";
import { type Cell, isLasting } from "./cell.ts";

/** Slots that may be down by our hand. */
export const batch = 1;

/** The image of a version: a name of its own per cell, so that no host holds it already. */
export const imageOf = (application: string, version: number): string =>
  `lh/${application}:v${version}`;

/** The Application of a cell. Times are those of the fast clock. */
export function applicationOf(name: string, version: number, cell: Cell): Application {
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
        monitorSeconds: cell.operation === "crash while watched" ? 40 : 10,
        // What never ends by itself must be given up soon; what only interrupts must not be.
        progressDeadlineSeconds: isLasting(cell) ? 30 : 120,
      },
    },
  } as unknown as Application; // defaults are the server's
}
