import { expect, test } from "vitest";
import { openTestApp } from "../kit/app.ts";
import { runCommand } from "./kit/exec-socket.ts";
import { application } from "./kit/manifests.ts";
import { apps, createMap, maps, patchTypes, runPod, seen } from "./kit/objects.ts";
import { pitfall } from "./kit/pitfall.ts";
import type { RawStream } from "./kit/raw.ts";

async function frames(stream: RawStream, count: number): Promise<readonly string[]> {
  const list: string[] = [];
  while (list.length < count) {
    const frame = await stream.next();
    if (frame === undefined) break;
    list.push(`${frame.type} ${seen(frame.object).metadata.name ?? ""}`.trim());
  }
  return list;
}

pitfall(6, "a watch begins right after the list's resourceVersion", async ({ raw, namespace }) => {
  await createMap(raw, namespace, "before");
  const list = await raw.send("GET", maps(namespace));
  const from = seen(list.body).metadata.resourceVersion;
  expect(from).toMatch(/^[1-9]\d*$/);
  await createMap(raw, namespace, "between", { labels: { shown: "yes" } });
  using stream = await raw.stream(
    `${maps(namespace)}?watch=1&resourceVersion=${from}&labelSelector=shown`,
  );
  await createMap(raw, namespace, "after", { labels: { shown: "yes" } });
  expect(await frames(stream, 2)).toEqual(["ADDED between", "ADDED after"]);
  // Empty collections have one too, and it moves on with the store.
  const empty = await raw.send("GET", apps(namespace));
  expect(Number(seen(empty.body).metadata.resourceVersion)).toBeGreaterThan(Number(from));
  using anew = await raw.stream(`${maps(namespace)}?watch=1&resourceVersion=0&labelSelector=none`);
  expect(anew.code).toBe(200);
  const future = await raw.send(
    "GET",
    `${maps(namespace)}?resourceVersion=${Number.MAX_SAFE_INTEGER}`,
  );
  expect([future.code, future.body]).toMatchObject([
    504,
    { reason: "Timeout", details: { causes: [{ reason: "ResourceVersionTooLarge" }] } },
  ]);
});

pitfall(
  7,
  "what leaves a selector is DELETED, at the revision of its going",
  async ({ raw, namespace }) => {
    const made = await createMap(raw, namespace, "m", { labels: { pick: "yes" } });
    const from = made.metadata.resourceVersion;
    using stream = await raw.stream(
      `${maps(namespace)}?watch=1&resourceVersion=${from}&labelSelector=pick%3Dyes`,
    );
    const patch = (value: string) =>
      raw.send("PATCH", `${maps(namespace)}/m`, {
        body: { metadata: { labels: { pick: value } } },
        headers: patchTypes.merge,
      });
    const left = await patch("no");
    await patch("yes");
    await raw.send("DELETE", `${maps(namespace)}/m`);
    const gone = await stream.next();
    expect([gone?.type, gone && seen(gone.object).metadata.resourceVersion]).toEqual([
      "DELETED",
      seen(left.body).metadata.resourceVersion,
    ]);
    const back = await stream.next();
    expect(back?.type).toBe("ADDED");
    const end = await stream.next();
    expect(end?.type).toBe("DELETED");
    expect(Number(end && seen(end.object).metadata.resourceVersion)).toBeGreaterThan(
      Number(back && seen(back.object).metadata.resourceVersion),
    );
  },
);

pitfall(8, "whatever goes wrong is told in a Status", async ({ raw, namespace }) => {
  const json = { "content-type": "application/json" };
  const long = "x".repeat(400);
  const cases: readonly (readonly [
    string,
    string,
    { body?: unknown; headers?: Record<string, string> },
    number,
    string,
  ])[] = [
    ["GET", "/nowhere", {}, 404, "NotFound"],
    ["GET", "/apis/none.example.com/v1/things", {}, 404, "NotFound"],
    ["GET", `${maps(namespace)}/none`, {}, 404, "NotFound"],
    ["GET", `${maps(namespace)}/${long}`, {}, 404, "NotFound"],
    ["POST", maps(namespace), { body: "{", headers: json }, 400, "BadRequest"],
    ["POST", maps(namespace), { body: "[]", headers: json }, 400, "BadRequest"],
    [
      "POST",
      maps(namespace),
      { body: "a: b", headers: { "content-type": "text/x-unknown" } },
      415,
      "UnsupportedMediaType",
    ],
    ["POST", `${maps(namespace)}/none`, { body: {} }, 405, "MethodNotAllowed"],
    ["DELETE", "/api/v1/namespaces", {}, 405, "MethodNotAllowed"],
    ["GET", maps(namespace), { headers: { accept: "image/png" } }, 406, "NotAcceptable"],
    ["GET", `${maps(namespace)}?labelSelector=a%20in`, {}, 400, "BadRequest"],
    ["GET", `${maps(namespace)}?fieldSelector=data.a%3D1`, {}, 400, "BadRequest"],
    ["GET", `${maps(namespace)}?resourceVersion=abc`, {}, 400, "BadRequest"],
    ["GET", `${maps(namespace)}?continue=abc`, {}, 400, "BadRequest"],
    [
      "POST",
      apps(namespace),
      { body: application("x", "web:1", { replicas: -1 }) },
      422,
      "Invalid",
    ],
    ["GET", "/api/v1/nodes", { headers: { "Impersonate-User": "nobody" } }, 403, "Forbidden"],
  ];
  for (const [method, path, options, code, reason] of cases) {
    const { body, code: got } = await raw.send(method, path, options);
    expect([method, path, got, body]).toMatchObject([
      method,
      path,
      code,
      {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        reason,
        code,
        message: expect.stringMatching(/./),
      },
    ]);
  }
  const invalid = await raw.send("POST", apps(namespace), {
    body: application("x", "web:1", { replicas: -1 }),
  });
  expect(invalid.body["details"]).toMatchObject({
    name: "x",
    kind: "Application",
    causes: expect.arrayContaining([expect.objectContaining({ field: "spec.replicas" })]),
  });
});

// The server's history is not a client's to cut: this one has its store at hand.
test.concurrent("pitfall 09 after 410 the next list leads on", async () => {
  await using app = await openTestApp({ limits: { maxEvents: 4, maxBytes: 100_000 } });
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" } };
  const path = maps("default");
  const first = await app.send("POST", path, body);
  const old = seen(first.body).metadata.resourceVersion;
  for (let round = 0; round < 12; round += 1) {
    const patch = { data: { round: `${round}` } };
    await app.send("PATCH", `${path}/m`, patch, { type: "application/merge-patch+json" });
  }
  const { body: list } = await app.send("GET", path);
  await app.store.compact(Number(BigInt(seen(list).metadata.resourceVersion)) - 1);
  await using late = await app.stream(`${path}?watch=1&resourceVersion=${old}`);
  const refused = late.code === 410 ? "Expired" : (await late.take(1))[0]?.object["reason"];
  expect(refused).toBe("Expired");
  const again = await app.send("GET", `${path}?resourceVersion=0`);
  expect(again.code).toBe(200);
  await using next = await app.stream(
    `${path}?watch=1&resourceVersion=${seen(again.body).metadata.resourceVersion}`,
  );
  expect(next.code).toBe(200);
  await app.send("DELETE", `${path}/m`);
  expect((await next.take(1))[0]?.type).toBe("DELETED");
});

pitfall(
  10,
  "exec ends with its status, after all of its output",
  async ({ raw, site, namespace }) => {
    await runPod({ raw, site, namespace }, "web");
    const target = { site, namespace, pod: "web" };
    for (const protocol of ["v5.channel.k8s.io", "v4.channel.k8s.io"]) {
      const failed = await runCommand(target, ["sh", "-c", "echo out; echo err >&2; exit 7"], {
        protocol,
      });
      expect(failed).toMatchObject({
        protocol,
        textFrames: 0,
        stdout: "out\n",
        stderr: "err\n",
        status: {
          status: "Failure",
          reason: "NonZeroExitCode",
          details: { causes: [{ reason: "ExitCode", message: "7" }] },
        },
        afterStatus: 0,
        closeCode: 1000,
      });
      const fine = await runCommand(target, ["echo", "x"], { protocol });
      expect(fine).toMatchObject({ stdout: "x\n", status: { metadata: {}, status: "Success" } });
    }
    const cat = await runCommand(target, ["cat"], {
      protocol: "v5.channel.k8s.io",
      stdin: "through",
    });
    expect(cat).toMatchObject({ stdout: "through", status: { status: "Success" } });
    await raw.send("DELETE", `/api/v1/namespaces/${namespace}/pods/web?gracePeriodSeconds=0`);
  },
);
