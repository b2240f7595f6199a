import { type ClientHttp2Session, connect } from "node:http2";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ClientConfig } from "../../../api/client/config.ts";
import { encodeObject } from "../../../api/store/item.ts";
import { type Env, startEnv } from "../../kit/env.ts";

// One client asks for long lists as fast as it can; heartbeats of another must not feel it.

const objects = 4_000;
const lease = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
let env: Env;
const stack = new AsyncDisposableStack();

beforeAll(async () => {
  env = stack.use(await startEnv());
  const data = { text: "x".repeat(1_000) };
  for (let index = 0; index < objects; index++) {
    const metadata = { name: `storm-${index}`, namespace: "default", labels: { of: "storm" } };
    const value = encodeObject({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
    await env.store.put(`/registry/core/configmaps/default/storm-${index}`, value, 0);
  }
});
afterAll(() => stack.disposeAsync());

function sessionOf({ server, ca = "", credentials }: ClientConfig): ClientHttp2Session {
  if (typeof credentials !== "object") throw new Error("The kit gives certificates");
  const cert = credentials.clientCert ?? "";
  const session = connect(server, { ca, cert, key: credentials.clientKey ?? "" });
  stack.defer(() => session.destroy());
  return session;
}

type Answer = { readonly code: number; readonly level: unknown; readonly bytes: number };

/** Reads an answer without looking into it. */
function send(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  body?: unknown,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ "content-type": "application/json", ...headers });
    let code = 0;
    let level: unknown;
    let bytes = 0;
    stream.on("response", (got) => {
      code = Number(got[":status"]);
      level = got["x-kubernetes-pf-prioritylevel-uid"];
    });
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    stream.on("end", () => resolve({ code, level, bytes }));
    stream.on("error", reject);
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test("a storm of lists by one client does not delay the heartbeats of another", async () => {
  const heart = sessionOf(env.controllers);
  const metadata = { name: "beat", namespace: "kube-system" };
  const create = { ":method": "POST", ":path": lease };
  expect((await send(heart, create, { metadata })).code).toBe(201);

  const calm = new AbortController();
  const storm = Array.from({ length: 40 }, async (_, index) => {
    const session = sessionOf(env.admin);
    const answers: Answer[] = [];
    // With a selector every object is looked at, too.
    const query = index % 2 === 0 ? "" : "?labelSelector=of%3Dstorm";
    const path = `/api/v1/configmaps${query}`;
    do answers.push(await send(session, { ":path": path }));
    while (!calm.signal.aborted);
    return answers;
  });
  const times: number[] = [];
  const levels = new Set<unknown>();
  for (let beat = 0; beat < 60; beat++) {
    const begun = performance.now();
    const renewTime = new Date(1_700_000_000_000 + beat).toISOString().replace("Z", "000Z");
    const path = `${lease}/beat`;
    const answer = await send(
      heart,
      { ":method": "PUT", ":path": path },
      {
        metadata,
        spec: { renewTime },
      },
    );
    times.push(performance.now() - begun);
    levels.add(answer.level);
    expect(answer.code).toBe(200);
  }
  calm.abort();
  const answers = (await Promise.all(storm)).flat();
  times.sort((a, b) => a - b);
  // Half of the time goes into reading the lists in this very process.
  expect(times[Math.floor(times.length * 0.9)] ?? Infinity).toBeLessThan(250);
  expect(answers.length).toBeGreaterThanOrEqual(40);
  expect(answers.every(({ code }) => code === 200 || code === 429)).toBe(true);
  const whole = answers.filter(({ code }) => code === 200);
  expect(whole.every(({ bytes }) => bytes > objects * 1_000)).toBe(true);
  // The storm had a level of its own.
  expect(levels.size).toBe(1);
  expect(answers.some(({ level }) => levels.has(level))).toBe(false);
});
