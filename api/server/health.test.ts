import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mapErrors } from "./errors.ts";
import { serveHealth } from "./health.ts";
import { serveVersion, versionInfo } from "./version.ts";

let app: FastifyInstance;
let broken = false;

beforeEach(() => {
  broken = false;
  app = Fastify();
  mapErrors(app);
  serveVersion(app, "0.1.0 beta");
  serveHealth(app, [
    {
      name: "store",
      check: () => (broken ? Promise.reject(new Error("disk on fire")) : Promise.resolve()),
    },
  ]);
});
afterEach(() => app.close());

test.each([
  ["/readyz", "ok"],
  ["/readyz/ping", "ok"],
  ["/readyz/store", "ok"],
  ["/healthz?verbose", "[+]ping ok\n[+]store ok\nhealthz check passed\n"],
  ["/livez?verbose=", "[+]ping ok\nlivez check passed\n"],
  ["/readyz?verbose&exclude=store", "[+]ping ok\nreadyz check passed\n"],
])("GET %s passes", async (url, want) => {
  const reply = await app.inject({ url });
  expect([reply.statusCode, reply.body]).toEqual([200, want]);
  expect(reply.headers["content-type"]).toBe("text/plain; charset=utf-8");
});

test("a failing check is named and its reason kept, and liveness is not concerned", async () => {
  broken = true;
  const reply = await app.inject({ url: "/readyz" });
  expect([reply.statusCode, reply.body]).toEqual([
    500,
    "[+]ping ok\n[-]store failed: reason withheld\nreadyz check failed\n",
  ]);
  expect((await app.inject({ url: "/livez" })).statusCode).toBe(200);
  expect((await app.inject({ url: "/readyz?exclude=store" })).statusCode).toBe(200);
});

test("HEAD works on sub-paths, unknown checks are not found", async () => {
  expect((await app.inject({ method: "HEAD", url: "/livez/ping" })).statusCode).toBe(200);
  expect((await app.inject({ url: "/livez/store" })).statusCode).toBe(404);
});

test("/version has plain integers and a semantic version", async () => {
  const info = (await app.inject({ url: "/version" })).json();
  expect(info).toEqual(versionInfo("0.1.0 beta"));
  expect([info.major, info.minor]).toEqual(["1", "33"]);
  expect(info.gitVersion).toBe("v1.33.1+lighthouse.0.1.0-beta");
});
