import { expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { isStorageLimited, judgeStorage, type PodUse } from "./storage-plan.ts";

const limits = (amount: string) => ({ limits: { "ephemeral-storage": amount } });
const pod = buildPod({
  spec: {
    containers: [
      { name: "app", image: "web:1", resources: limits("100Mi") },
      { name: "side", image: "web:1" },
    ],
    volumes: [
      { name: "scratch", emptyDir: { sizeLimit: "50Mi" } },
      { name: "free", emptyDir: {} },
    ],
  },
});
const mi = 1024 ** 2;

function use(containers: Record<string, number>, volumes: Record<string, number> = {}): PodUse {
  const scaled = (amounts: Record<string, number>) =>
    new Map(Object.entries(amounts).map(([name, amount]) => [name, amount * mi]));
  return { containers: scaled(containers), volumes: scaled(volumes) };
}

test.each([
  ["little", use({ app: 10, side: 5 }, { scratch: 1 }), undefined],
  ["exactly the limit", use({ app: 100 }), undefined],
  ["nothing that anybody could measure", use({}), undefined],
  [
    "more than a container may",
    use({ app: 101, side: -2 }),
    'Container app exceeded its local ephemeral storage limit "100Mi".',
  ],
  [
    "more than a volume may",
    use({ app: 1 }, { scratch: 51 }),
    'Usage of EmptyDir volume "scratch" exceeds the limit "50Mi".',
  ],
  [
    "more than all containers together may",
    use({ app: 60, side: 30 }, { free: 20 }),
    "Pod ephemeral local storage usage exceeds the total limit of containers 100Mi.",
  ],
])("judgeStorage() of a pod that uses %s", (_what, used, want) => {
  expect(judgeStorage(pod, used).evict).toBe(want);
});

test("judgeStorage() warns from nine tenths on, by what it is about", () => {
  expect([...judgeStorage(pod, use({ app: 89 })).warnings]).toEqual([]);
  expect([...judgeStorage(pod, use({ app: 90 }, { scratch: 46 })).warnings]).toEqual([
    ["volume scratch", "The volume scratch uses 92 % of its disk space: 46.0 MiB of 50.0 MiB"],
    ["pod", "The pod uses 136 % of its disk space: 136.0 MiB of 100.0 MiB"],
    ["container app", "The container app uses 90 % of its disk space: 90.0 MiB of 100.0 MiB"],
  ]);
});

test("isStorageLimited() leaves out pods that may write what they like", () => {
  expect(isStorageLimited(pod)).toBe(true);
  expect(isStorageLimited(buildPod())).toBe(false);
  const volumes = [{ name: "v", emptyDir: { sizeLimit: "1Gi" } }];
  expect(isStorageLimited(buildPod({ spec: { volumes } }))).toBe(true);
});
