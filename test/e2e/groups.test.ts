import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { eventually } from "../kit/eventually.ts";
import { type Lighthouse, startLighthouse } from "../kit/lighthouse.ts";

/** An Application of the group; nobody switches before both carry the same release. */
const manifest = (name: string, order: number, image: string, release: number): string => `
apiVersion: lighthouse.dev/v1
kind: Application
metadata:
  name: ${name}
  annotations:
    lighthouse.dev/rollout-group: release
    lighthouse.dev/rollout-order: "${order}"
    lighthouse.dev/rollout-group-version: "${release}"
spec:
  replicas: 2
  template:
    metadata: { annotations: { lighthouse.dev/reload: "true" } }
    spec:
      containers:
        - name: web
          image: lighthouse.example/web:${image}
          imagePullPolicy: IfNotPresent
          envFrom: [{ configMapRef: { name: settings } }]
          ports: [{ name: http, containerPort: 80 }]
          readinessProbe: { httpGet: { port: http }, periodSeconds: 1 }
  strategy: { batch: 2, minReadySeconds: 1, monitorSeconds: 2, progressDeadlineSeconds: 60 }
`;

const settings = (value: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
data: { VALUE: "${value}" }
`;

const patience = { timeoutMs: 60_000, intervalMs: 500 };

type Status = {
  readonly currentRevision?: string;
  readonly failedRevision?: { readonly reason: string; readonly message: string };
  readonly rollout?: { readonly phase: string; readonly group?: { readonly stage: string } };
};

async function statusOf(lighthouse: Lighthouse, name: string): Promise<Status> {
  const { stdout } = await lighthouse.cli(["get", "application", name, "-o", "json"]);
  return (JSON.parse(stdout) as { readonly status?: Status }).status ?? {};
}

/** Both have come to rest in this phase, on these Revisions. */
async function untilBoth(lighthouse: Lighthouse, phase: string, current: string): Promise<void> {
  await eventually(
    `both are ${phase} on ${current}`,
    async () => {
      const both = await Promise.all(["db", "web"].map((name) => statusOf(lighthouse, name)));
      const text = both.map((one) => `${one.rollout?.phase} ${one.currentRevision}`).join(", ");
      return text === `${phase} db-${current}, ${phase} web-${current}`;
    },
    patience,
  );
}

test("a group goes together, reloads together, and comes back together", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-group-"));
  try {
    await using lighthouse = await startLighthouse({ dataDir, docker: [], args: ["--simulate"] });
    const apply = async (...documents: readonly string[]): Promise<void> => {
      const file = join(dataDir, "release.yaml");
      await writeFile(file, documents.join("---"));
      expect(await lighthouse.cli(["apply", "-f", file])).toMatchObject({ code: 0 });
    };
    await apply(settings("one"), manifest("db", 0, "v1", 1), manifest("web", 10, "v1", 1));
    await untilBoth(lighthouse, "Completed", "1");
    await apply(settings("two"));
    await untilBoth(lighthouse, "Completed", "2");
    await apply(manifest("db", 0, "v2", 2), manifest("web", 10, "broken", 2));
    await untilBoth(lighthouse, "RolledBack", "2");
    const db = await statusOf(lighthouse, "db");
    expect(db.failedRevision?.reason).toBe("GroupFailed");
    expect(db.failedRevision?.message).toContain("application/web of the group release failed");
    await apply(manifest("web", 10, "v2", 2));
    await eventually(
      "the release goes through once web is mended",
      async () => {
        const both = await Promise.all(["db", "web"].map((name) => statusOf(lighthouse, name)));
        return both.every(({ rollout }) => rollout?.group?.stage === "Done");
      },
      patience,
    );
    expect((await statusOf(lighthouse, "web")).currentRevision).toBe("web-4");
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}, 240_000);
