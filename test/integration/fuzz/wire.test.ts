import { once } from "node:events";
import { connect } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import { createClient } from "../../../api/client/create-client.ts";
import { namespaces } from "../../../api/machinery/resources.ts";
import { damaged } from "../../fuzz/mutate.ts";
import { type Random, randomFrom } from "../../fuzz/random.ts";
import { startEnv } from "../../kit/env.ts";

const seed = Number(process.env["FUZZ_SEED"] ?? 20_261_121); // the same in every run

const request = Buffer.from(
  "POST /api/v1/namespaces/default/configmaps?dryRun=All HTTP/1.1\r\nHost: x\r\n" +
    "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" +
    '1b\r\n{"metadata":{"name":"one"}}\r\n0\r\n\r\n',
);
const upgrade = Buffer.from(
  "GET /api/v1/namespaces/default/pods/a/exec?command=x&stdout=1 HTTP/1.1\r\nHost: x\r\n" +
    "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n",
);
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** An HTTP/2 frame with a random type and flags; its length may lie. */
function frame(random: Random): Buffer {
  const payload = random.bytes(random.below(64));
  const head = Buffer.alloc(9);
  head.writeUIntBE(random.once(4) ? random.below(2 ** 24) : payload.length, 0, 3);
  head[3] = random.below(12);
  head[4] = random.below(256);
  head.writeUInt32BE(random.below(2 ** 31), 5);
  return Buffer.concat([head, payload]);
}

function garbage(random: Random): Buffer {
  switch (random.below(4)) {
    case 0:
      return random.bytes(1 + random.below(2_000));
    case 1:
      return damaged(request, random);
    case 2:
      return damaged(upgrade, random);
    default: {
      const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
      const frames = Array.from({ length: 1 + random.below(20) }, () => frame(random));
      return Buffer.concat([preface, settings, ...frames]);
    }
  }
}

/** Sends the bytes and hangs up once the server has answered, hung up, or said nothing for long. */
async function send(socket: Duplex, bytes: Buffer): Promise<void> {
  socket.on("error", () => {}); // being cut off is an answer too
  socket.write(bytes);
  const ended = once(socket, "close").catch(() => undefined);
  const answered = once(socket, "data").catch(() => undefined);
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, 50);
  });
  await Promise.race([ended, answered, patience]);
  clearTimeout(timer);
  socket.destroy();
}

test("bytes that are no HTTP, or almost HTTP: the server answers others as before", async () => {
  await using env = await startEnv();
  await using client = createClient(env.admin);
  const random = randomFrom(seed);
  const { hostname: host, port } = new URL(env.url);
  const open = (protocol: string | undefined): Duplex =>
    protocol === undefined
      ? connect({ host, port: Number(port) })
      : connectTls({
          host,
          port: Number(port),
          rejectUnauthorized: false,
          ALPNProtocols: [protocol],
        });
  for (let round = 0; round < 40; round++) {
    const sent = Array.from({ length: 8 }, () =>
      send(open(random.pick([undefined, "h2", "http/1.1"])), garbage(random)),
    );
    await Promise.all(sent);
    const { items } = await client.list(namespaces);
    expect(items.length, `seed ${seed}, round ${round}`).toBeGreaterThan(3);
  }
});
