import { connect } from "node:http2";
import { expect, test } from "vitest";
import { eventually } from "../kit/eventually.ts";
import { startEnv } from "../kit/env.ts";
import { createMap, maps, patchTypes, seen } from "./kit/objects.ts";
import { pitfall } from "./kit/pitfall.ts";

pitfall(
  26,
  "events are of both groups, patched in place, and found by uid",
  async ({ raw, namespace }) => {
    const { metadata } = await createMap(raw, namespace, "about");
    const regarding = {
      apiVersion: "v1",
      kind: "ConfigMap",
      name: "about",
      namespace,
      uid: metadata.uid,
    };
    const modern = `/apis/events.k8s.io/v1/namespaces/${namespace}/events`;
    const core = `/api/v1/namespaces/${namespace}/events`;
    const body = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: "e" },
      eventTime: "2026-01-01T00:00:00.123456Z",
      reportingController: "tester",
      reportingInstance: "tester-1",
      action: "Look",
      reason: "Looked",
      regarding,
      note: "hello",
      type: "Normal",
    };
    expect((await raw.send("POST", modern, { body })).code).toBe(201);
    expect((await raw.send("GET", `${core}/e`)).body).toMatchObject({
      kind: "Event",
      apiVersion: "v1",
      involvedObject: { uid: metadata.uid },
      message: "hello",
      reportingComponent: "tester",
      eventTime: "2026-01-01T00:00:00.123456Z",
    });
    const series = { count: 2, lastObservedTime: "2026-01-01T00:00:01.000000Z" };
    const patched = await raw.send("PATCH", `${modern}/e`, {
      body: { series },
      headers: patchTypes.strategic,
    });
    expect([patched.code, patched.body["series"]]).toEqual([200, series]);
    const gone = await raw.send("PATCH", `${modern}/none`, {
      body: { series },
      headers: patchTypes.strategic,
    });
    expect(gone.code).toBe(404);
    const select = `involvedObject.uid%3D${metadata.uid}%2CinvolvedObject.name%3Dabout%2CinvolvedObject.kind%3DConfigMap%2CinvolvedObject.namespace%3D${namespace}`;
    expect((await raw.send("GET", `${core}?fieldSelector=${select}`)).body["items"]).toHaveLength(
      1,
    );
    const reason = await raw.send(
      "GET",
      `${core}?fieldSelector=reason%3DLooked%2Ctype%3DNormal%2CreportingComponent%3Dtester`,
    );
    expect(reason.body["items"]).toHaveLength(1);
    const old = {
      metadata: { name: "old" },
      involvedObject: regarding,
      reason: "Old",
      message: "m",
      count: 3,
      source: { component: "c" },
      lastTimestamp: "2026-01-01T00:00:00Z",
    };
    expect((await raw.send("POST", core, { body: old })).code).toBe(201);
    expect((await raw.send("GET", `${modern}/old`)).body).toMatchObject({
      regarding: { uid: metadata.uid },
      note: "m",
      deprecatedCount: 3,
      deprecatedSource: { component: "c" },
    });
  },
);

pitfall(
  27,
  "MicroTime keeps six digits, and quantities do not drift",
  async ({ raw, namespace }) => {
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
    const spec = {
      holderIdentity: "me",
      leaseDurationSeconds: 15,
      acquireTime: "2026-01-01T00:00:00.000001Z",
      renewTime: "2026-01-01T00:00:00.500000Z",
    };
    const made = await raw.send("POST", leases, { body: { metadata: { name: "l" }, spec } });
    expect([made.code, made.body["spec"]]).toEqual([201, spec]);
    expect(seen(made.body).metadata).toMatchObject({
      creationTimestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    });
    const pod = (cpu: string, memory: string): unknown => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "p" },
      spec: { containers: [{ name: "c", image: "i:1", resources: { limits: { cpu, memory } } }] },
    });
    const path = `/api/v1/namespaces/${namespace}/pods/p`;
    const first = await raw.send("PATCH", `${path}?fieldManager=a`, {
      body: pod("500m", "1Gi"),
      headers: patchTypes.apply,
    });
    expect(first.code).toBe(201);
    const same = await raw.send("PATCH", `${path}?fieldManager=a`, {
      body: pod("0.5", "1024Mi"),
      headers: patchTypes.apply,
    });
    expect([same.code, seen(same.body).metadata.resourceVersion]).toEqual([
      200,
      seen(first.body).metadata.resourceVersion,
    ]);
    const other = await raw.send("PATCH", `${path}?fieldManager=b`, {
      body: pod("500m", "1Gi"),
      headers: patchTypes.apply,
    });
    expect(other.code).toBe(200);
    expect(first.body["spec"]).toMatchObject({
      containers: [{ resources: { limits: { cpu: "500m", memory: "1Gi" } } }],
    });
  },
);

pitfall(
  28,
  "HEAD and health sub-paths answer, fairness headers are on every answer",
  async ({ raw, namespace }) => {
    for (const path of [
      "/livez",
      "/livez/ping",
      "/readyz",
      "/readyz/ping",
      "/healthz",
      "/version",
    ]) {
      const { code, text, headers } = await raw.send("HEAD", path);
      expect([path, code, text]).toEqual([path, 200, ""]);
      expect(headers).toMatchObject({
        "x-kubernetes-pf-flowschema-uid": expect.stringMatching(/./),
        "x-kubernetes-pf-prioritylevel-uid": expect.stringMatching(/./),
      });
    }
    const audited = await raw.send("GET", maps(namespace), { headers: { "Audit-Id": "mine-1" } });
    expect(audited.headers).toMatchObject({
      "audit-id": "mine-1",
      "cache-control": "no-cache, private",
    });
    const failed = await raw.send("GET", `${maps(namespace)}/none`);
    expect(failed.headers).toMatchObject({
      "audit-id": expect.stringMatching(/./),
      "x-kubernetes-pf-flowschema-uid": expect.stringMatching(/./),
    });
    expect((await raw.send("HEAD", `${maps(namespace)}/none`)).code).toBe(404);
  },
);

pitfall(29, "namespaces come with what clients take for granted", async ({ raw, namespace }) => {
  for (const name of ["default", "kube-system", "kube-public", "kube-node-lease"]) {
    const { code, body } = await raw.send("GET", `/api/v1/namespaces/${name}`);
    expect([name, code, body]).toMatchObject([
      name,
      200,
      {
        status: { phase: "Active" },
        metadata: { labels: { "kubernetes.io/metadata.name": name } },
      },
    ]);
  }
  await eventually(
    "the default ServiceAccount is there",
    async () =>
      (await raw.send("GET", `/api/v1/namespaces/${namespace}/serviceaccounts/default`)).code ===
      200,
  );
  const pod = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "i:1" }] } };
  const made = await raw.send("POST", `/api/v1/namespaces/${namespace}/pods`, { body: pod });
  expect([made.code, made.body["spec"]]).toMatchObject([
    201,
    {
      serviceAccountName: "default",
      restartPolicy: "Always",
      dnsPolicy: "ClusterFirst",
      schedulerName: "default-scheduler",
      terminationGracePeriodSeconds: 30,
    },
  ]);
});

pitfall(30, "watches are neither buffered nor compressed away", async ({ raw, namespace }) => {
  using stream = await raw.stream(`${maps(namespace)}?watch=1&labelSelector=shown`, {
    headers: { "accept-encoding": "gzip" },
  });
  // The headers came before any event; so does each event before the next.
  expect([stream.code, stream.headers["content-encoding"], stream.headers["content-type"]]).toEqual(
    [200, undefined, expect.stringMatching(/^application\/json/)],
  );
  for (const name of ["a", "b", "c"]) {
    const since = performance.now();
    await createMap(raw, namespace, name, { labels: { shown: "yes" } });
    expect(seen((await stream.next())?.object ?? {}).metadata.name).toBe(name);
    expect(performance.now() - since).toBeLessThan(5_000);
  }
});

test.concurrent("pitfall 30 a server that ends says GOAWAY to idle HTTP/2 sessions", async () => {
  await using env = await startEnv();
  const { ca, credentials } = env.admin;
  const { clientCert: cert, clientKey: key } = credentials as {
    readonly clientCert: string;
    readonly clientKey: string;
  };
  const session = connect(env.url, { ca, cert, key });
  session.on("error", () => undefined);
  await new Promise((resolve) => {
    session.once("remoteSettings", resolve);
  });
  const goaway = new Promise<number>((resolve) => {
    session.once("goaway", resolve);
  });
  const stopped = env.stop();
  expect(await goaway).toBe(0);
  await stopped;
  session.destroy();
});
