import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Server } from "node:net";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { issueAuthority, issueCertificate } from "../../api/server/pki/issue.ts";
import { manualClock } from "../../test/kit/clock.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { buildFact } from "../../test/kit/pod-world.ts";
import type { Engine } from "../engine/engine.ts";
import { type Patience, patienceOf } from "../far/patience.ts";
import { check, type Reach, type Target } from "./probe-check.ts";
import { createProber, type Prober } from "./prober.ts";

const there = { host: "10.0.0.9", port: 80 };
const soon = () => patienceOf(AbortSignal.timeout(5_000));
let prober: Prober | undefined;

afterEach(() => prober?.close());

type Far = NonNullable<Extract<Target, { readonly host: string }>["far"]>;

function reachBy(far: Partial<Far>): Reach {
  const never = () => Promise.reject(new Error("nobody asked for that"));
  const whole = { open: never, touch: never, ...far };
  return {
    engine: {} as Engine,
    containerId: "id-app",
    portNames: new Map(),
    dial: () => ({ ...there, far: whole }),
  };
}

async function listen(server: Server): Promise<Far["open"]> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return async () => connect({ host: "127.0.0.1", port });
}

test("check() speaks HTTP over a connection that somebody else makes", async () => {
  const heard: string[] = [];
  const server = createHttpServer(({ headers, url }, response) => {
    heard.push(`${headers.host} ${url}`);
    response.writeHead(url === "/well" ? 204 : 500).end();
  });
  const reach = reachBy({ open: await listen(server) });
  expect((await check({ httpGet: { port: 80, path: "/well" } }, reach, soon())).ok).toBe(true);
  expect(await check({ httpGet: { port: 80, path: "/ill" } }, reach, soon())).toEqual({
    ok: false,
    message: "HTTP probe failed with statuscode: 500",
  });
  expect(heard).toEqual(["10.0.0.9 /well", "10.0.0.9 /ill"]);
});

test("check() speaks TLS over such a connection, whoever answers", async () => {
  const nowMs = Date.now();
  const identity = { user: "web", groups: [] };
  const authority = await issueAuthority("anybody", nowMs);
  const usage = "server";
  const own = await issueCertificate(authority, { identity, usage, names: ["web"], nowMs });
  const server = createHttpsServer({ cert: own.certificate, key: own.key }, (_, response) =>
    response.end("ok"),
  );
  const reach = reachBy({ open: await listen(server) });
  const httpGet = { port: 80, scheme: "HTTPS" };
  expect(await check({ httpGet }, reach, soon())).toEqual({ ok: true, message: "" });
});

test("check() says what the way there said", async () => {
  const open = () => Promise.reject(new Error("nothing listens on it"));
  const want = { ok: false, message: "dial tcp 10.0.0.9:80: nothing listens on it" };
  const reach = reachBy({ open, touch: open });
  expect(await check({ httpGet: { port: 80 } }, reach, soon())).toEqual(want);
  expect(await check({ tcpSocket: { port: 80 } }, reach, soon())).toEqual(want);
});

test("createProber() does not count the wait for a turn into the time limit", async () => {
  const clock = manualClock();
  prober = createProber({ clock, onChange: () => undefined });
  const turn = Promise.withResolvers<void>();
  const reach = reachBy({
    async touch({ begin }: Patience) {
      await turn.promise;
      begin().throwIfAborted();
    },
  });
  const readinessProbe = { tcpSocket: { port: 80 }, timeoutSeconds: 1 };
  const spec = { name: "app", readinessProbe };
  const member = { name: "app", spec, role: "main" } as const;
  prober.watch("u", [{ uid: "u", member, fact: buildFact(), reach }]);
  await clock.advance(5_000);
  expect(prober.verdicts("u").get("app")?.ready).toBe(false);
  turn.resolve();
  await eventually("it is ready", () => prober?.verdicts("u").get("app")?.ready === true);
});
