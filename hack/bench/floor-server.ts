// The least that a durable write over HTTPS can cost: reads the body, writes it to the embedded
// store, answers it. A process of its own, as the API server is.
//   node hack/bench/floor-server.ts PKI_DIR STORE_DIR    prints its port, ends with its stdin
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openLmdbStore } from "../../api/store/lmdb.ts";
import type { Store } from "../../api/store/store.ts";

const [pki = "", dir = ""] = process.argv.slice(2);
const read = (name: string): Promise<string> => readFile(join(pki, name), "utf8");
let counter = 0;

async function answer(
  store: Store,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  await store.put(`/registry/core/configmaps/default/floor-${counter++}`, body, 0);
  response.writeHead(201, { "content-type": "application/json" }).end(body);
}

const [key, cert, ca] = await Promise.all(["serving.key", "serving.crt", "ca.crt"].map(read));
const store = await openLmdbStore(dir);
const server = createServer({
  ...(key === undefined ? {} : { key }),
  ...(cert === undefined ? {} : { cert }),
  ...(ca === undefined ? {} : { ca }),
  requestCert: true,
});
server.on("request", (request, response) => {
  // A failed write ends the connection, and with it the bench.
  answer(store, request, response).catch((err: unknown) => response.destroy(err as Error));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log((server.address() as AddressInfo).port);
process.stdin.resume();
await once(process.stdin, "end");
server.close();
server.closeAllConnections();
await store[Symbol.asyncDispose]();
