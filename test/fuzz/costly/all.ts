import type { Method, SendOptions, TestApp } from "../../kit/app.ts";
import { thingCrd } from "./crds.ts";
import { json, yamlBodies } from "./bodies.ts";
import { pods } from "./pods.ts";
import { config, rights, events, protobufs } from "./built-ins.ts";
import { customs, crdBodies } from "./customs.ts";
import { patches, applies } from "./patches.ts";
import { reads } from "./reads.ts";
import {
  type CostlyRequest,
  type CostlyGroup,
  maxBytes,
  core,
  many,
  fieldsOf,
  named,
  thing,
  rest,
  container,
} from "./request.ts";

/** All of them, by the part of the server that they aim at. */
export const costlyGroups: Readonly<Record<string, CostlyGroup>> = {
  json,
  yaml: yamlBodies,
  protobuf: protobufs,
  config,
  pods,
  rights,
  events,
  custom: customs,
  crds: crdBodies,
  patches,
  applies,
  reads,
};

/** Creates what the requests are about. */
export async function furnish({ send }: TestApp, groups: readonly string[]): Promise<void> {
  const must = async (
    method: Method,
    url: string,
    body: unknown,
    options?: SendOptions,
  ): Promise<void> => {
    const { code, text } = await send(method, url, body, options);
    if (code >= 300) throw new Error(`Cannot furnish ${url}: ${text.slice(0, 300)}`);
  };
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await must("POST", crds, thingCrd);
  await must("POST", `${core}/configmaps`, named("ConfigMap", "long", { data: { a: "b" } }));
  const env = many(12_000, (i) => ({ name: `K${i}`, value: "v" }));
  await must(
    "POST",
    `${core}/pods`,
    named("Pod", "long", { spec: { containers: [{ ...container, env }] } }),
  );
  await must(
    "PATCH",
    `${rest("long")}?fieldManager=fuzz`,
    thing("Thing", "long", {
      set: many(12_000, (i) => i),
      map: many(8_000, (i) => ({ name: `k${i}`, port: i, note: "x" })),
      wide: fieldsOf(2_000, (i) => [`k${i}`, 0]),
      free: {},
    }),
    { type: "application/apply-patch+yaml" },
  );
  if (!groups.includes("reads")) return;
  for (let i = 0; i < 2_000; i += 1) {
    const metadata = { name: `s${i}`, labels: { a: `v${i}` } };
    await must("POST", `${core}/secrets`, {
      apiVersion: "v1",
      kind: "Secret",
      metadata,
      data: { a: "AAAA" },
    });
  }
}

/** Whether a request is one that the server has to read at all. */
export const isReadable = ({ body = "" }: CostlyRequest): boolean =>
  Buffer.byteLength(body) <= maxBytes;
