import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { buildPod } from "../../test/kit/pod-world.ts";
import { testImages } from "../../test/kit/images.ts";
import { simulatedEngine } from "../../test/kit/simulated-engine.ts";
import { openEngine } from "../engine/dockerode.ts";
import { tar } from "../engine/tar.ts";
import { createDataDelivery } from "./deliver.ts";
import { defaultLimits } from "./download.ts";

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

const signal = AbortSignal.timeout(10_000);
const archive = gzipSync(tar([{ type: "file", path: "set/a.csv", content: Buffer.from("1,2\n") }]));
const sha256 = createHash("sha256").update(archive).digest("hex");

test("deliver() unpacks into the volume once, and again after a failure", async () => {
  let asked = 0;
  server = createServer((_request, response) => {
    asked += 1;
    if (asked === 1) response.writeHead(503).end();
    else response.end(archive);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const url = `http://127.0.0.1:${port}/set.tgz#sha256=${sha256}`;
  const pod = buildPod({
    metadata: { annotations: { "data.lighthouse.dev/in": url } },
    spec: {
      volumes: [{ name: "in", emptyDir: {} }],
      containers: [
        {
          name: "app",
          image: testImages.web,
          volumeMounts: [{ name: "in", mountPath: "/input" }],
        },
      ],
    },
  });
  await using simulated = await simulatedEngine();
  await using engine = openEngine(simulated.url);
  const id = await engine.containers.create("app", { Image: testImages.web });
  const delivery = createDataDelivery(engine.io, { ...defaultLimits, isAllowed: () => true });
  expect(delivery.isDue(pod, "app", id)).toBe(true);
  await expect(delivery.deliver(pod, "app", id, signal)).rejects.toThrow("answered 503");
  expect(delivery.isDue(pod, "app", id)).toBe(true);
  await delivery.deliver(pod, "app", id, signal);
  await delivery.deliver(pod, "app", id, signal);
  expect([asked, delivery.isDue(pod, "app", id)]).toEqual([2, false]);
  expect(await engine.io.statPath(id, "/input/set/a.csv")).toMatchObject({ size: 4 });
});
