import { expect, test } from "vitest";
import type { ObjectMeta } from "../../../api/machinery/object.ts";
import { annotation } from "../../../crds/labels.ts";
import type { Application } from "../../../crds/types.gen.ts";
import { draftApplication } from "../../../test/kit/obedient-agents.ts";
import { type ConfigSource, wantedOf } from "./config-version.ts";
import { templateHash } from "../hash.ts";

function application(latest?: string, optional = false): Application {
  const { spec, metadata, ...rest } = draftApplication("web", "web:1");
  const configMap = { name: "env", optional, defaultMode: 420 };
  const template = {
    metadata: { annotations: { [annotation.reload]: "true" } },
    spec: { ...spec.template.spec, volumes: [{ name: "env", configMap }] },
  };
  const status =
    latest === undefined ? {} : { rollout: { phase: "Completed", templateHash: latest } };
  return { ...rest, metadata, spec: { ...spec, template }, status } as Application;
}

const source = (meta: Partial<ObjectMeta> | undefined, isRead = true): ConfigSource => ({
  isRead: () => isRead,
  find: (_kind, namespace, name) =>
    namespace === "shop" && name === "env" ? (meta as ObjectMeta | undefined) : undefined,
});

const meta = { uid: "u1", generation: 1, resourceVersion: "10" };
const hashOf = (given: Partial<ObjectMeta> | undefined): string =>
  wantedOf(application(undefined, true), source(given)).hash;

test.each([
  ["a label", { ...meta, resourceVersion: "11", labels: { a: "b" } }, true],
  ["a value", { ...meta, generation: 2, resourceVersion: "11" }, false],
  ["a new object of the name", { ...meta, uid: "u2" }, false],
  ["an optional one that goes", undefined, false],
])("wantedOf() after a change of %s", (_what, changed, isSame) => {
  expect(hashOf(changed) === hashOf(meta)).toBe(isSame);
});

test("wantedOf() goes by the version of the object where the server counts no values", () => {
  const { generation: _generation, ...plain } = meta;
  expect(hashOf(plain)).toBe(hashOf({ ...plain }));
  expect(hashOf(plain)).not.toBe(hashOf({ ...plain, resourceVersion: "11" }));
});

test("wantedOf() keeps to the latest rollout while it cannot know, if that is of the template", () => {
  const bare = templateHash(application().spec.template);
  const missing = wantedOf(application(`${bare}.abc`), source(undefined));
  expect(missing).toEqual({
    hash: `${bare}.abc`,
    missing: [{ owner: "configmap/env", message: "configmap/env is not there" }],
  });
  const unread = wantedOf(application("other.abc"), source(meta, false));
  expect(unread).toMatchObject({ hash: bare, missing: [{ owner: "api-server" }] });
  expect(wantedOf(application(), undefined).missing).toHaveLength(1);
});

test("wantedOf() asks for nothing to be read without the annotation", () => {
  const plain = draftApplication("web", "web:1") as Application;
  const never = { ...source(meta), isRead: () => expect.unreachable() };
  expect(wantedOf(plain, never)).toEqual({ hash: templateHash(plain.spec.template), missing: [] });
});
