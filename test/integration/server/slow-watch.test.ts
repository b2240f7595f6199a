import { connect } from "node:http2";
import { get } from "node:https";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { configMaps } from "../../../api/machinery/resources.ts";
import { type Env, startEnv } from "../../kit/env.ts";

let env: Env;
let client: OwnedClient;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  env = stack.use(await startEnv());
  client = stack.use(createClient(env.admin));
});
afterAll(() => stack.disposeAsync());

function tls(): { ca: string; cert: string; key: string } {
  const { ca = "", credentials } = env.admin;
  if (typeof credentials !== "object") throw new Error("The kit gives certificates");
  return { ca, cert: credentials.clientCert ?? "", key: credentials.clientKey ?? "" };
}

/** A watch whose client reads only when it is told to. */
type Stalled = {
  /** Reads on to the end, and counts the lines. */
  drain(): Promise<number>;
};

const path = (since: string): string =>
  `/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${since}`;

function drained(stream: Readable): Promise<number> {
  return new Promise((resolve) => {
    let lines = 0;
    stream.on("data", (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) lines += 1;
    });
    stream.on("error", () => resolve(lines)); // broken off, as the test wants it
    stream.on("close", () => resolve(lines));
    stream.resume();
  });
}

function stalledHttp1(since: string): Promise<Stalled> {
  return new Promise((resolve, reject) => {
    const options = { ...tls(), agent: false };
    const request = get(`${env.url}${path(since)}`, options, (response) => {
      response.pause();
      resolve({ drain: () => drained(response) });
    });
    request.on("error", reject);
  });
}

function stalledHttp2(since: string): Promise<Stalled> {
  return new Promise((resolve, reject) => {
    const session = connect(env.url, tls());
    const stream = session.request({ ":path": path(since) });
    session.on("error", reject);
    stack.defer(() => session.destroy());
    stream.on("response", () => {
      stream.pause();
      resolve({ drain: () => drained(stream) });
    });
    stream.end();
  });
}

const events = 150;

test.each([
  ["HTTP/1.1", stalledHttp1],
  ["HTTP/2", stalledHttp2],
])(
  "a client over %s that does not read is cut off, not served from memory",
  async (protocol, open) => {
    const name = `big-${protocol.replaceAll(/\W/g, "").toLowerCase()}`;
    const made = await client.create(configMaps, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "default" },
      data: { padding: "x".repeat(200_000) },
    });
    const watch = await open(made.metadata.resourceVersion);
    for (let index = 0; index < events; index++) {
      const patch = { type: "merge", body: { data: { index: String(index) } } } as const;
      await client.patch(configMaps, { namespace: "default", name }, patch);
    }
    // 8 MiB wait in the server and a few in the sockets; all events are 30 MB.
    expect(await watch.drain()).toBeLessThan(events * 0.7);
  },
);

test.each([
  ["HTTP/1.1", stalledHttp1],
  ["HTTP/2", stalledHttp2],
])(
  "over %s a long initial state is sent whole to a client that begins late",
  async (protocol, open) => {
    const of = protocol.replaceAll(/\W/g, "").toLowerCase();
    const count = 60;
    for (let index = 0; index < count; index++) {
      await client.create(configMaps, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: `long-${of}-${index}`, namespace: "default", labels: { of } },
        data: { padding: "x".repeat(300_000) },
      });
    }
    // 18 MB, twice what a client may be behind with; the last line says that it was all.
    const query = `&labelSelector=of%3D${of}&timeoutSeconds=3&allowWatchBookmarks=true`;
    const watch = await open(`0${query}`);
    expect(await watch.drain()).toBe(count + 1);
  },
);
