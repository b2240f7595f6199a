import type { ContainerFact } from "../../agent/pods/facts.ts";
import { type History, noHistory } from "../../agent/pods/history.ts";
import type { Seen } from "../../agent/pods/plan.ts";
import { specHash } from "../../agent/pods/spec-hash.ts";
import type { Pod } from "../../api/machinery/resources.ts";

/** Noon of a day in 2026: the present of pure tests. */
export const noonMs = Date.UTC(2026, 10, 21, 12);

/** How a pod differs from the plain one with the one container `app`. */
export type PodParts = {
  readonly metadata?: Partial<Pod["metadata"]>;
  readonly spec?: Partial<Pod["spec"]>;
  readonly status?: Pod["status"];
};

/** A pod as the API serves it. */
export function buildPod({ metadata, spec, status }: PodParts = {}): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "web-0",
      namespace: "shop",
      uid: "1a2b3c4d-0000-4000-8000-000000000000",
      resourceVersion: "7",
      creationTimestamp: "2026-11-21T11:00:00Z",
      ...metadata,
    },
    spec: { nodeName: "host-1", containers: [{ name: "app", image: "web:1" }], ...spec },
    ...(status === undefined ? {} : { status }),
  };
}

/** A container as the engine shows it; by default running since a minute. */
export function buildFact(parts: Partial<ContainerFact> = {}): ContainerFact {
  const name = parts.name ?? "app";
  return {
    id: `id-${name}`,
    dockerName: `lh_shop_web-0_${name}_1a2b3c4d`,
    name,
    specHash: specHash({ name, image: "web:1" }),
    state: "running",
    startedAtMs: noonMs - 60_000,
    exitCode: 0,
    oomKilled: false,
    error: "",
    imageId: "sha256:feed",
    ip: "172.17.0.2",
    ...parts,
  };
}

/** A container that was created and never ran. */
export function createdFact(parts: Partial<ContainerFact> = {}): ContainerFact {
  const { startedAtMs: _startedAtMs, ...fact } = buildFact({ state: "created", ip: "", ...parts });
  return fact;
}

/** A container whose latest run ended ten seconds ago. */
export function endedFact(parts: Partial<ContainerFact> = {}): ContainerFact {
  return buildFact({
    state: "exited",
    exitCode: 1,
    finishedAtMs: noonMs - 10_000,
    ip: "",
    ...parts,
  });
}

/** The history that fits a run which ended as `endedFact()` tells. */
export function endedHistory(parts: Partial<History> = {}): History {
  return {
    ...noHistory,
    id: "id-app",
    startedAtMs: noonMs - 60_000,
    ending: {
      containerId: "id-app",
      exitCode: 1,
      reason: "Error",
      startedAtMs: noonMs - 60_000,
      finishedAtMs: noonMs - 10_000,
    },
    endedSeenAtMs: noonMs - 10_000,
    ...parts,
  };
}

/** A world in which the plain pod runs as it shall. */
export function buildSeen(parts: Partial<Seen> = {}): Seen {
  return {
    pod: buildPod(),
    desired: "Running",
    containers: [buildFact()],
    rivals: [],
    histories: new Map([["app", { ...noHistory, id: "id-app", startedAtMs: noonMs - 60_000 }]]),
    troubles: new Map(),
    unhealthy: new Set(),
    lingers: false,
    portsFree: false,
    ...parts,
  };
}
