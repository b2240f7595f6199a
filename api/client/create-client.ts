import { badRequest, isNotFound, unavailable } from "../machinery/errors.ts";
import { apiVersionOf, collectionPath, objectPath, type ResourceType } from "../machinery/gvk.ts";
import type { KubeObject, ObjectKey } from "../machinery/object.ts";
import type { Resource } from "../machinery/resources.ts";
import type { Client, ListOptions, Patch, RawRequest, WatchFrame, WriteOptions } from "./client.ts";
import { type ClientConfig, clientDefaults } from "./config.ts";
import { deadline } from "./deadline.ts";
import { listAll } from "./list-pages.ts";
import { type Query, withQuery } from "./query.ts";
import type { HttpRequest } from "./exchange.ts";
import { createTransport, type Opened, type Transport } from "./transport.ts";
import { linesOf, parseFrame } from "./watch-stream.ts";

/** A client that owns connections: dispose of it to close them at once. */
export type OwnedClient = Client & AsyncDisposable;

const patchTypes: Readonly<Record<Patch["type"], string>> = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml", // JSON is YAML
};

const listQuery = ({ labelSelector, fieldSelector }: ListOptions): Query => ({
  labelSelector,
  fieldSelector,
});

const writeQuery = (options: WriteOptions, fieldManager: string): Query => ({
  dryRun: options.dryRun === true ? "All" : undefined,
  fieldValidation: options.fieldValidation,
  fieldManager,
});

/** A path without the namespace would be another kind's, or a list of all: never send it. */
function checkKey(type: ResourceType, key: ObjectKey): ObjectKey {
  if (key.name === "") throw badRequest(`Cannot address a ${type.kind}: it has no name`);
  if (type.namespaced && key.namespace === undefined) {
    throw badRequest(`Cannot address ${type.kind} "${key.name}": it has no namespace`);
  }
  return type.namespaced ? key : { name: key.name };
}

/** Metadata comes as of a kind of its own; whoever asked for it knows it as what it is about. */
function named(
  type: ResourceType & Metadata,
  frame: WatchFrame<KubeObject>,
): WatchFrame<KubeObject> {
  if (type.metadataOnly !== true || frame.type === "BOOKMARK") return frame;
  const { apiVersion, kind } = { apiVersion: apiVersionOf(type), kind: type.kind };
  return { ...frame, object: { ...frame.object, apiVersion, kind } };
}

type Metadata = Pick<Resource<KubeObject>, "metadataOnly">;

/** The form that a list or watch is asked for. A server without it refuses, and sends no contents. */
const formOf = ({ metadataOnly }: Metadata, form: string): Pick<HttpRequest, "accept"> =>
  metadataOnly === true ? { accept: `application/json;as=${form};g=meta.k8s.io;v=v1` } : {};

const jsonBody = (
  value: unknown,
  contentType = "application/json",
): Pick<HttpRequest, "body" | "contentType"> => ({ body: JSON.stringify(value), contentType });

async function* watchFrames<T extends KubeObject>(
  opened: () => Promise<Opened>,
  quiet: { restart(): void; readonly signal: AbortSignal },
): AsyncGenerator<WatchFrame<T>> {
  const { body } = await opened();
  const observed = async function* (): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      quiet.restart();
      yield chunk;
    }
  };
  for await (const line of linesOf(observed())) yield parseFrame<T>(line);
}

/** The object verbs that write. */
function writers(
  transport: Transport,
  fieldManager: string,
): Pick<Client, "create" | "replace" | "patch" | "delete"> {
  const send = async <T>(request: HttpRequest): Promise<T> => (await transport.json(request)) as T;
  return {
    async create(type, object, options = {}) {
      const { name, namespace } = object.metadata;
      const { subresource } = options;
      if (type.namespaced && namespace === undefined) checkKey(type, { name: name ?? "(new)" });
      const path =
        subresource === undefined
          ? collectionPath(type, namespace)
          : objectPath(
              type,
              checkKey(type, { name: name ?? "", ...(namespace && { namespace }) }),
              subresource,
            );
      const query = writeQuery(options, fieldManager);
      const request = { method: "POST", path: withQuery(path, query), idempotent: false } as const;
      return send({ ...request, ...jsonBody(object), fence: options.fence });
    },
    async replace(type, object, options = {}) {
      const path = objectPath(type, checkKey(type, object.metadata), options.subresource);
      const query = writeQuery(options, fieldManager);
      // Guarded by its resourceVersion, a repeated one cannot overwrite anything.
      const request = { method: "PUT", path: withQuery(path, query), idempotent: true } as const;
      return send({ ...request, ...jsonBody(object), fence: options.fence });
    },
    async patch(type, key, patch, options = {}) {
      const path = objectPath(type, checkKey(type, key), options.subresource);
      const force = patch.force === true && patch.type === "apply" ? "true" : undefined;
      const query = { ...writeQuery(options, fieldManager), force };
      const idempotent = patch.type !== "json"; // adding to a list twice is adding twice
      const request = { method: "PATCH", path: withQuery(path, query), idempotent } as const;
      const body = jsonBody(patch.body, patchTypes[patch.type]);
      return send({ ...request, ...body, fence: options.fence });
    },
    async delete(type, key, options = {}) {
      const path = objectPath(type, checkKey(type, key));
      const { fence, ...how } = options;
      const body = jsonBody({ apiVersion: "v1", kind: "DeleteOptions", ...how });
      try {
        await transport.json({ method: "DELETE", path, idempotent: true, ...body, fence });
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    },
  };
}

const rawBody = (body: unknown): Pick<HttpRequest, "body" | "contentType"> => {
  if (body === undefined) return {};
  return typeof body === "string" || body instanceof Uint8Array ? { body } : jsonBody(body);
};

/** The API of one server. Connections are opened by the first call and shared by all. */
export function createClient(config: ClientConfig): OwnedClient {
  const transport = createTransport(config);
  const silenceMs = config.watchSilenceMs ?? clientDefaults.watchSilenceMs;
  const silent = (): Error =>
    unavailable(`Lost the watch of ${config.server}: nothing came for ${silenceMs / 1_000} s`);
  return {
    async get(type, key, signal) {
      const path = objectPath(type, checkKey(type, key));
      try {
        const request = { method: "GET", path, idempotent: true } as const;
        return (await transport.json(request, signal)) as never;
      } catch (err) {
        if (isNotFound(err)) return undefined;
        throw err;
      }
    },
    list: (type, options = {}, signal) =>
      listAll(type, (page) => {
        const path = collectionPath(type, options.namespace);
        const query = withQuery(path, { ...listQuery(options), ...page });
        const form = formOf(type, "PartialObjectMetadataList");
        return transport.json({ method: "GET", path: query, idempotent: true, ...form }, signal);
      }),
    ...writers(transport, config.fieldManager ?? clientDefaults.fieldManager),
    async *watch(type, options, signal) {
      const path = withQuery(collectionPath(type, options.namespace), {
        ...listQuery(options),
        resourceVersion: options.resourceVersion,
        watch: "true",
        allowWatchBookmarks: "true",
      });
      const quiet = deadline(silenceMs, silent, signal);
      const form = formOf(type, "PartialObjectMetadata");
      const request = { method: "GET", path, idempotent: true, ...form } as const;
      try {
        const frames = watchFrames<KubeObject>(() => transport.open(request, quiet.signal), quiet);
        for await (const frame of frames) yield named(type, frame) as never;
      } catch (err) {
        if (!signal.aborted) throw err;
      } finally {
        quiet.dispose();
      }
    },
    async raw(request: RawRequest, signal) {
      const { method, path, accept, body } = request;
      return transport.open(
        {
          method,
          path,
          idempotent: method === "GET",
          ...(accept !== undefined && { accept }),
          ...rawBody(body),
        },
        signal,
      );
    },
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
