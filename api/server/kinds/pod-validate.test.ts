import { expect, test } from "vitest";
import { openTestApp } from "../../../test/kit/app.ts";
import { validatePod } from "./pod-validate.ts";
import type { Body, JsonObject } from "./kind.ts";

const pod = (mount: JsonObject): Body => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "a" },
  spec: {
    restartPolicy: "Always",
    dnsPolicy: "Default",
    terminationGracePeriodSeconds: 30,
    volumes: [{ name: "data", hostPath: { path: "/srv/data" } }],
    containers: [
      {
        name: "web",
        image: "web:v1",
        imagePullPolicy: "IfNotPresent",
        volumeMounts: [{ name: "data", mountPath: "/data", ...mount }],
      },
    ],
  },
});

const field = "spec.containers[0].volumeMounts[0].subPath";

test.each<[why: string, subPath: string, causes: readonly string[]]>([
  ["accepts a path below the volume", "a/b..c", []],
  ["refuses a path that climbs out of the volume", "a/../../etc", [field]],
  ["refuses a path that only climbs", "..", [field]],
  ["refuses an absolute path", "/etc", [field]],
])("validatePod() %s", (_why, subPath, causes) => {
  expect(validatePod(pod({ subPath })).map((cause) => cause.field)).toEqual(causes);
});

test.each([
  [1, []],
  [2_147_483_647, []],
  [0, ["spec.activeDeadlineSeconds"]],
  [2_147_483_648, ["spec.activeDeadlineSeconds"]],
])("validatePod() of activeDeadlineSeconds %s", (activeDeadlineSeconds, causes) => {
  const plain = pod({});
  const spec = { ...(plain["spec"] as object), activeDeadlineSeconds };
  expect(validatePod({ ...plain, spec }).map((cause) => cause.field)).toEqual(causes);
});

test("profiles of system calls that no host has are refused, and Docker's own AppArmor is taken", async () => {
  await using server = await openTestApp();
  const make = (name: string, securityContext: object) =>
    server.send("POST", "/api/v1/namespaces/default/pods", {
      metadata: { name },
      spec: { containers: [{ name: "web", image: "a", securityContext }], securityContext },
    });
  const local = await make("local", { seccompProfile: { type: "Localhost" } });
  expect([local.code, local.body["message"]]).toEqual([
    422,
    expect.stringContaining(
      'spec.containers[0].securityContext.seccompProfile.type: Unsupported value: "Localhost": supported values: "RuntimeDefault", "Unconfined"',
    ),
  ]);
  const own = { type: "RuntimeDefault" };
  expect((await make("own", { seccompProfile: own, appArmorProfile: own })).code).toBe(201);
});
