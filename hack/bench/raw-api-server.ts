// The least that lists and watches over HTTPS can cost: one body for every GET, and one frame for
// every watcher, without looking into any. A process of its own, as the API server is.
//   node hack/bench/raw-api-server.ts PKI_DIR BODY_FILE    prints its port, ends with its stdin
// GET /watch stays open, POST writes its body to all of those, every other GET gets the file.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

const [pki = "", file = ""] = process.argv.slice(2);
const read = (name: string): Promise<string> => readFile(join(pki, name), "utf8");
const [key, cert, ca] = await Promise.all(["serving.key", "serving.crt", "ca.crt"].map(read));
const body = await readFile(file);
const watchers = new Set<Http2ServerResponse>();
const json = { "content-type": "application/json" };

async function answer(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  if (request.method === "GET" && request.url.startsWith("/watch")) {
    watchers.add(response);
    response.on("close", () => watchers.delete(response));
    response.writeHead(200, json);
    return;
  }
  if (request.method === "GET") {
    response.writeHead(200, { ...json, "content-length": body.length }).end(body);
    return;
  }
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const frame = Buffer.concat(chunks);
  response.writeHead(200, json).end("{}");
  for (const watcher of watchers) watcher.write(frame);
}

const tls = { key: key ?? "", cert: cert ?? "", ca: ca ?? "", requestCert: true };
const server = createSecureServer({ ...tls, allowHTTP1: true });
server.on("request", (request, response) => {
  // A failure ends the connection, and with it the bench.
  answer(request, response).catch(() => response.destroy());
});
server.on("sessionError", () => {}); // the clients go first
server.listen(0, "127.0.0.1");
await once(server, "listening");
console.log((server.address() as AddressInfo).port);
process.stdin.resume();
await once(process.stdin, "end");
process.exit(0);
