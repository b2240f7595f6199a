import { createServer } from "node:net";
import { expect, test } from "vitest";
import { whyNoDockerd } from "../../kit/dockerd.ts";
import { type Gateway, openGateway } from "../../kit/gateway.ts";
import { skipReason } from "../../kit/missing.ts";
import { openNetwork, type Place } from "../../kit/namespaces.ts";
import { type Ran, run } from "../../kit/run.ts";

const env = { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };

const at = ({ namespace }: Place, argv: readonly string[]): Promise<Ran> =>
  run(["nsenter", `--net=/run/netns/${namespace}`, ...argv], { env, timeoutMs: 5_000 });

async function listen(host: string): Promise<{ port: number; close: () => void }> {
  const server = createServer((socket) => socket.end("hello\n"));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return { port, close: () => server.close() };
}

const ask = (place: Place, address: string, port: number): Promise<Ran> =>
  at(place, ["busybox", "nc", "-w", "2", address, String(port)]);

test.skipIf(skipReason("gateways", whyNoDockerd()))(
  "two gateways in a row let everything out and nothing in",
  { timeout: 60_000 },
  async () => {
    await using internet = await openNetwork();
    await using carrier: Gateway = await openGateway(internet, "100.64.7");
    await using cloud: Gateway = await openGateway(carrier, "192.168.77");
    const host = await cloud.join();
    const server = await listen(internet.address);
    try {
      expect((await ask(host, internet.address, server.port)).stdout).toBe("hello\n");
      const before = await carrier.refused();
      const stranger = await internet.join();
      expect((await ask(stranger, carrier.outside.address, 22)).code).not.toBe(0);
      expect(await carrier.refused()).toBeGreaterThan(before);
      await carrier.lose(1);
      expect((await ask(host, internet.address, server.port)).stdout).toBe("");
      await carrier.lose(0);
      expect((await ask(host, internet.address, server.port)).stdout).toBe("hello\n");
    } finally {
      server.close();
    }
  },
);
