import { expect } from "vitest";
import { aggregated, collectionOf, discover } from "./kit/discovery.ts";
import { apps, createMap, maps, seen } from "./kit/objects.ts";
import { pitfall } from "./kit/pitfall.ts";
import { envelope, message, text } from "./kit/wire.ts";

pitfall(
  1,
  "bodies in protobuf are read, and refused for custom resources",
  async ({ raw, namespace }) => {
    const metadata = message([1, text("pb")], [3, text(namespace)], [8, message()]);
    const entry = message([1, text("a")], [2, text("1")]);
    const body = envelope("v1", "ConfigMap", message([1, metadata], [2, entry]));
    const headers = {
      "content-type": "application/vnd.kubernetes.protobuf",
      accept: "application/vnd.kubernetes.protobuf,application/json",
    };
    const made = await raw.send("POST", maps(namespace), { body, headers });
    expect([made.code, made.body]).toMatchObject([
      201,
      { kind: "ConfigMap", metadata: { name: "pb" }, data: { a: "1" } },
    ]);
    const broken = await raw.send("POST", maps(namespace), {
      body: body.subarray(0, body.length - 3),
      headers,
    });
    expect([broken.code, broken.body]).toMatchObject([
      400,
      { kind: "Status", reason: "BadRequest" },
    ]);
    const custom = await raw.send("POST", apps(namespace), { body, headers });
    expect([400, 415]).toContain(custom.code);
    expect(custom.body).toMatchObject({ kind: "Status", status: "Failure" });
    const options = envelope("v1", "DeleteOptions", message([4, text("Background")]));
    expect(
      (await raw.send("DELETE", `${maps(namespace)}/pb`, { body: options, headers })).code,
    ).toBe(200);
  },
);

pitfall(
  2,
  "sendInitialEvents is honoured with its bookmark, or refused",
  async ({ raw, namespace }) => {
    await createMap(raw, namespace, "old");
    const query = "watch=1&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=8";
    const at = `${maps(namespace)}?${query}&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dold`;
    using stream = await raw.stream(at);
    const first = await stream.next();
    expect([first?.type, first && seen(first.object).metadata.name]).toEqual(["ADDED", "old"]);
    const bookmark = await stream.next();
    expect(bookmark).toMatchObject({
      type: "BOOKMARK",
      object: {
        kind: "ConfigMap",
        metadata: { annotations: { "k8s.io/initial-events-end": "true" } },
      },
    });
    expect(
      Number(bookmark && seen(bookmark.object).metadata.resourceVersion),
    ).toBeGreaterThanOrEqual(Number(first && seen(first.object).metadata.resourceVersion));
    await raw.send("DELETE", `${maps(namespace)}/old`);
    expect((await stream.next())?.type).toBe("DELETED");
    const refused = await raw.send("GET", `${maps(namespace)}?${query}`);
    expect([refused.code, refused.body]).toMatchObject([
      422,
      { reason: "Invalid", details: { causes: [{ field: "resourceVersionMatch" }] } },
    ]);
    const onList = await raw.send(
      "GET",
      `${maps(namespace)}?sendInitialEvents=true&resourceVersionMatch=NotOlderThan`,
    );
    expect([onList.code, onList.body["reason"]]).toEqual([422, "Invalid"]);
  },
);

pitfall(
  3,
  "aggregated discovery names its type, and every response kind exactly",
  async ({ raw }) => {
    for (const path of ["/api", "/apis"]) {
      const { headers } = await raw.send("GET", path, { headers: { accept: aggregated } });
      expect(headers["content-type"]?.replaceAll(" ", "")).toContain(aggregated);
    }
    const resources = await discover(raw);
    expect(resources.length).toBeGreaterThan(15);
    const nameless = resources.flatMap(({ resource, responseKind, subresources = [] }) => [
      ...(responseKind?.kind ? [] : [resource]),
      ...subresources
        .filter((one) => !one.responseKind?.kind)
        .map((one) => `${resource}/${one.subresource}`),
    ]);
    expect(nameless).toEqual([]);
    const kindOf = (resource: string, subresource: string): unknown =>
      resources
        .find((one) => one.resource === resource)
        ?.subresources?.find((one) => one.subresource === subresource)?.responseKind;
    expect(kindOf("applications", "scale")).toEqual({
      group: "autoscaling",
      version: "v1",
      kind: "Scale",
    });
    expect(kindOf("pods", "eviction")).toEqual({
      group: "policy",
      version: "v1",
      kind: "Eviction",
    });
    expect(kindOf("serviceaccounts", "token")).toEqual({
      group: "authentication.k8s.io",
      version: "v1",
      kind: "TokenRequest",
    });
    const beta = await raw.send("GET", "/apis", {
      headers: { accept: aggregated.replace("v=v2", "v=v2beta1") },
    });
    expect(beta.headers["content-type"]).toContain("v=v2beta1");
    const plain = await raw.send("GET", "/apis", { headers: { accept: "application/json" } });
    expect([plain.headers["content-type"], plain.body["kind"]]).toEqual([
      expect.stringMatching(/^application\/json(;\s*charset=utf-8)?$/),
      "APIGroupList",
    ]);
  },
);

pitfall(
  4,
  "OpenAPI v3 has a PATCH with kind and fieldValidation for all that can be patched",
  async ({ raw }) => {
    const { body } = await raw.send("GET", "/openapi/v3");
    const paths = body["paths"] as Readonly<Record<string, { readonly serverRelativeURL: string }>>;
    type Operation = {
      readonly "x-kubernetes-group-version-kind"?: { readonly kind: string };
      readonly parameters?: readonly { readonly name: string; readonly in: string }[];
    };
    type Document = {
      readonly paths: Readonly<
        Record<
          string,
          { readonly patch?: Operation; readonly parameters?: Operation["parameters"] }
        >
      >;
    };
    const missing: string[] = [];
    for (const resource of await discover(raw)) {
      if (!resource.verbs.includes("patch")) continue;
      const key =
        resource.group === ""
          ? `api/${resource.version}`
          : `apis/${resource.group}/${resource.version}`;
      const url = paths[key]?.serverRelativeURL;
      const document =
        url === undefined
          ? { paths: {} }
          : ((await raw.send("GET", url)).body as unknown as Document);
      const found = Object.values(document.paths).some(
        ({ patch, parameters = [] }) =>
          patch?.["x-kubernetes-group-version-kind"]?.kind === resource.responseKind?.kind &&
          [...parameters, ...(patch?.parameters ?? [])].some(
            (one) => one.name === "fieldValidation" && one.in === "query",
          ),
      );
      if (!found) missing.push(`${key} ${resource.resource}`);
    }
    expect(missing).toEqual([]);
  },
);

pitfall(5, "every kind selects by metadata.name, in lists and in watches", async ({ raw }) => {
  const wrong: string[] = [];
  const listed = (await discover(raw)).filter(({ verbs }) => verbs.includes("list"));
  for (const resource of listed) {
    const path = `${collectionOf(resource)}?fieldSelector=metadata.name%3Dnone-at-all`;
    const { code, body } = await raw.send("GET", path);
    if (code !== 200 || (body["items"] as readonly unknown[] | undefined)?.length !== 0)
      wrong.push(`${resource.resource} ${code}`);
    if (!resource.verbs.includes("watch")) continue;
    using stream = await raw.stream(`${path}&watch=true&timeoutSeconds=1`);
    if (stream.code !== 200) wrong.push(`${resource.resource} watch ${stream.code}`);
  }
  expect(wrong).toEqual([]);
});
