import type { Kind } from "../../api/server/kinds/kind.ts";
import { apiVersionOf } from "../../api/machinery/gvk.ts";
import { encoded, type FuzzBody } from "./mutate.ts";
import type { Random } from "./random.ts";

/** One request as a hostile or broken client would send it. */
export type FuzzRequest = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: Buffer;
};

const names = ["a", "b", "kubernetes", "x".repeat(253), "x".repeat(300), "A_b", "%00", "..", "é"];
const accepts = [
  "application/json",
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "*/*",
  "text/html",
  ";;;,,,q=",
];
const numbers = ["0", "1", "-1", "2", "99999999999999999999", "1.5", "x", "", "9007199254740993"];
const selectors = [
  "a=b",
  "a in (b,c)",
  "a in (",
  "!a",
  "a==b,,",
  "a=b=c",
  "=",
  "a notin",
  "%",
  "x y",
];
const fields = [
  "metadata.name=a",
  "metadata.name!=a,metadata.namespace=",
  "spec.x=1",
  "=",
  "a\\=b=c",
];
const parameters: Readonly<Record<string, readonly string[]>> = {
  resourceVersion: numbers,
  resourceVersionMatch: ["Exact", "NotOlderThan", "exact", ""],
  limit: numbers,
  continue: ["x", "e30", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoiLi4vIn0", ""],
  labelSelector: selectors,
  fieldSelector: fields,
  sendInitialEvents: ["true", "false", "maybe"],
  allowWatchBookmarks: ["true", "1"],
  fieldManager: ["me", "", "x".repeat(200), "a\u0001"],
  fieldValidation: ["Strict", "Warn", "Ignore", "strict"],
  force: ["true", "false", "x"],
  dryRun: ["All", "Some", "All"],
  propagationPolicy: ["Foreground", "Orphan", "Background", "No"],
  gracePeriodSeconds: numbers,
  orphanDependents: ["true", "x"],
  includeObject: ["None", "Object", "All"],
  pretty: ["true"],
  timeout: ["1s", "x"],
};

/** Builds requests at every endpoint of every kind. */
export function fuzzRequests(
  kinds: readonly Kind[],
  seedOf: (kind: Kind) => object,
): (random: Random) => FuzzRequest {
  return (random) => {
    const kind = random.pick(kinds);
    const collection = random.once(3);
    const method = random.pick(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const);
    const path =
      collection || method === "POST" ? collectionOf(kind, random) : objectOf(kind, random);
    const body = method === "GET" || method === "HEAD" ? undefined : bodyFor(kind, seedOf, random);
    return {
      method,
      url: `${path}${queryOf(random)}`,
      headers: {
        ...(random.once(2) ? { accept: random.pick(accepts) } : {}),
        ...(body === undefined || random.once(15) ? {} : { "content-type": body.type }),
      },
      ...(body === undefined ? {} : { payload: body.bytes }),
    };
  };
}

function collectionOf({ group, version, plural, namespaced }: Kind, random: Random): string {
  const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const namespace = random.once(8) ? encodeName(random) : "default";
  return `${base}${namespaced && !random.once(8) ? `/namespaces/${namespace}` : ""}/${plural}`;
}

function objectOf(kind: Kind, random: Random): string {
  const own = kind.subresources.map(({ name }) => name);
  const part = random.once(3) ? `/${random.pick([...own, "status", "scale", "nothing"])}` : "";
  return `${collectionOf(kind, random)}/${encodeName(random)}${part}`;
}

/** The first few names are used most, so that requests meet objects. */
function encodeName(random: Random): string {
  const name = random.once(3) ? random.pick(names) : random.pick(["a", "b"]);
  return name.startsWith("%") ? name : encodeURIComponent(name);
}

function queryOf(random: Random): string {
  if (random.once(2)) return "";
  const pairs = Array.from({ length: 1 + random.below(3) }, () => {
    const name = random.pick(Object.keys(parameters));
    return `${name}=${encodeURIComponent(random.pick(parameters[name] ?? [""]))}`;
  });
  return `?${pairs.join("&")}`;
}

function bodyFor(kind: Kind, seedOf: (kind: Kind) => object, random: Random): FuzzBody {
  if (random.once(10)) return { type: "application/json", bytes: random.bytes(random.below(200)) };
  const object = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name: random.pick(["a", "b"]), labels: { a: "b" } },
    ...seedOf(kind),
  };
  const patch = [
    {
      op: random.pick(["add", "remove", "replace", "test", "move"]),
      path: random.pick(["/metadata/labels/a", "/spec", "/-", ""]),
      value: {},
    },
  ];
  return encoded(random.once(5) ? patch : object, random);
}
