import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { type BenchClient, openBenchClient } from "./api-client.ts";
import { measureWrites, median } from "./durable-writes.ts";
import type { Section } from "./figure.ts";
import { scratchDir } from "./world.ts";

const rounds = 5;
const durationMs = 1_000;
const clients = 4;
const path = "/api/v1/namespaces/default/pods";

/** With its metadata, about 4 KiB of JSON: a Pod as a chart has it. */
const pod = (name: string): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default", labels: { app: name, tier: "web" } },
  spec: {
    containers: Array.from({ length: 3 }, (_, index) => ({
      name: `part-${index}`,
      image: `registry.example/shop/part-${index}:1.2.3`,
      ports: [{ name: `port-${index}`, containerPort: 8_000 + index }],
      env: Array.from({ length: 12 }, (__, key) => ({ name: `KEY_${key}`, value: "v".repeat(24) })),
      resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    })),
  },
});

const apply = (client: BenchClient, name: string, text: string): Promise<string> =>
  client.send("PATCH", `${path}/${name}?fieldManager=bench&force=true`, {
    text,
    type: "application/apply-patch+yaml",
  });

/** Server-side apply that changes nothing, against reading the object and putting it back. */
export const benchApply: Section = async (note) => {
  await using dir = await scratchDir();
  await using server = await startLighthouse({
    command: "server",
    dataDir: dir.path,
    docker: [],
    args: ["--log-level=warn"],
  });
  await using client = await openBenchClient(server.kubeconfig, clients);
  const names = Array.from({ length: clients }, (_, index) => `bench-${index}`);
  const bodies = new Map(names.map((name) => [name, JSON.stringify(pod(name))]));
  for (const [name, text] of bodies) await apply(client, name, text);
  const applied = async (writer: number): Promise<void> => {
    const name = names[writer] ?? "";
    await apply(client, name, bodies.get(name) ?? "");
  };
  const putBack = async (writer: number): Promise<void> => {
    const one = `${path}/${names[writer]}`;
    await client.send("PUT", one, { text: await client.send("GET", one) });
  };
  const costs: { readonly apply: number; readonly put: number }[] = [];
  for (const write of [applied, putBack]) await measureWrites(clients, durationMs, write);
  for (let round = 0; round < rounds; round++) {
    const each = async (write: typeof applied): Promise<number> =>
      1_000 / (await measureWrites(clients, durationMs, write)).perSecond;
    costs.push({ apply: await each(applied), put: await each(putBack) });
  }
  const of = (pick: "apply" | "put"): number => median(costs.map((cost) => cost[pick]));
  const size = (await client.send("GET", `${path}/${names[0]}`)).length;
  note(
    `an object of ${size} bytes: apply ${of("apply").toFixed(2)} ms, GET + PUT ${of("put").toFixed(2)} ms`,
  );
  return [
    {
      what: "server-side apply that changes nothing / GET + PUT of the same object",
      value: median(costs.map((cost) => cost.apply / cost.put)),
      unit: "x",
      atMost: 2,
      from: `${of("apply").toFixed(2)} ms / ${of("put").toFixed(2)} ms`,
    },
  ];
};
