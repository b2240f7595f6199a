import { join } from "node:path";
import { encodeObject } from "../../api/store/item.ts";
import { openLmdbStore } from "../../api/store/lmdb.ts";

/** Name of the pod with this number. */
export const podName = (index: number): string => `pod-${String(index).padStart(6, "0")}`;

/** A running Pod of about 2 KiB, as an agent reports it. */
function podValue(index: number): Buffer {
  const name = podName(index);
  const time = "2026-01-01T00:00:00Z";
  const image = "registry.example.com/shop/web@sha256:".padEnd(101, "0a1b2c3d");
  const condition = (type: string): object => ({
    type,
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: time,
  });
  return encodeObject({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
      creationTimestamp: time,
      labels: { app: `app-${index % 100}`, "lighthouse.dev/revision": "web-7d9c5b8f6" },
      annotations: { "lighthouse.dev/spec-hash": "f".repeat(64) },
      ownerReferences: [
        {
          apiVersion: "lighthouse.dev/v1",
          kind: "Revision",
          name: "web-7d9c5b8f6",
          uid: "00000000-0000-4000-8000-ffffffffffff",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      containers: [
        {
          name: "web",
          image,
          env: Array.from({ length: 8 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}` })),
          ports: [{ containerPort: 8080, protocol: "TCP" }],
          resources: { requests: { cpu: "100m", memory: "64Mi" } },
          imagePullPolicy: "IfNotPresent",
          terminationMessagePath: "/dev/termination-log",
          terminationMessagePolicy: "File",
        },
      ],
      nodeName: `node-${index % 50}`,
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      schedulerName: "lighthouse",
    },
    status: {
      phase: "Running",
      conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(condition),
      hostIP: "10.0.0.1",
      podIP: "10.1.0.1",
      startTime: time,
      containerStatuses: [
        {
          name: "web",
          ready: true,
          restartCount: 0,
          image,
          imageID: image,
          containerID: `docker://${"c".repeat(64)}`,
          state: { running: { startedAt: time } },
          lastState: {},
          started: true,
        },
      ],
      qosClass: "Burstable",
    },
  });
}

/** Fills the embedded store of a data folder before its server starts; resolves to bytes stored. */
export async function storePods(dataDir: string, count: number): Promise<number> {
  await using store = await openLmdbStore(join(dataDir, "store"));
  let bytes = 0;
  for (let next = 0; next < count; next += 1_000) {
    const some = Array.from({ length: Math.min(1_000, count - next) }, (_, i) => next + i);
    await Promise.all(
      some.map((index) => {
        const value = podValue(index);
        bytes += value.length;
        return store.put(`/registry/core/pods/default/${podName(index)}`, value, 0);
      }),
    );
  }
  return bytes;
}
