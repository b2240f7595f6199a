import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { noSuchResource } from "../machinery/errors.ts";
import {
  aggregated,
  apiGroup,
  coreVersions,
  groupList,
  groupsOf,
  resourceList,
  rootPaths,
} from "./discovery-documents.ts";
import { type CachedDocument, cachedDocument, sendDocument } from "./etag.ts";
import type { Kinds } from "./kinds/kind.ts";

type Form = "plain" | "v2" | "v2beta1";

/**
 * The form of discovery that an Accept header asks for first. Clients list the aggregated forms
 * before plain JSON; parameters may come in any order.
 */
export function discoveryForm(accept: string | undefined): Form {
  for (const range of (accept ?? "").split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim());
    if (type !== "application/json") continue;
    const has = (parameter: string): boolean => parameters.includes(parameter);
    if (!parameters.some((parameter) => parameter.startsWith("as="))) return "plain";
    if (!has("as=APIGroupDiscoveryList") || !has("g=apidiscovery.k8s.io")) continue;
    if (has("v=v2")) return "v2";
    if (has("v=v2beta1")) return "v2beta1";
  }
  return "plain";
}

// Without these parameters clients read the aggregated form as the plain one: no resources.
const contentTypes: Readonly<Record<Form, string>> = {
  plain: "application/json",
  v2: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
  v2beta1: "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
};

/** Documents of one state of the kinds, rendered when they are first asked for. */
class Documents {
  readonly #kinds: Kinds;
  readonly #host: () => string;
  #rendered = new Map<string, CachedDocument | undefined>();

  constructor(kinds: Kinds, host: () => string) {
    this.#kinds = kinds;
    this.#host = host;
    kinds.onChange(() => {
      this.#rendered = new Map();
    });
  }

  #once(key: string, render: () => unknown): CachedDocument | undefined {
    if (!this.#rendered.has(key)) {
      const content = render();
      this.#rendered.set(key, content === undefined ? undefined : cachedDocument(content));
    }
    return this.#rendered.get(key);
  }

  /** `/api` or `/apis`. */
  root(core: boolean, form: Form): CachedDocument | undefined {
    return this.#once(`${core ? "/api" : "/apis"} ${form}`, () => {
      const groups = groupsOf(this.#kinds);
      if (form === "plain") return core ? coreVersions(groups, this.#host()) : groupList(groups);
      return aggregated(
        groups.filter(({ group }) => (group === "") === core),
        form,
      );
    });
  }

  paths(): CachedDocument | undefined {
    return this.#once("/", () => rootPaths(groupsOf(this.#kinds)));
  }

  group(name: string): CachedDocument | undefined {
    const found = groupsOf(this.#kinds).find(({ group }) => group === name);
    if (found === undefined || name === "") return undefined;
    return this.#once(`/apis/${name}`, () => apiGroup(found));
  }

  version(group: string, name: string): CachedDocument | undefined {
    const found = groupsOf(this.#kinds)
      .find((one) => one.group === group)
      ?.versions.find(({ version }) => version === name);
    if (found === undefined) return undefined;
    return this.#once(`/apis/${group}/${name}`, () => resourceList(group, found));
  }
}

/**
 * Serves discovery: `/`, `/api`, `/apis`, `/apis/GROUP`, `/api/v1`, `/apis/GROUP/VERSION`, plain and (on
 * the first two) aggregated, with tags so that a client's cache is revalidated cheaply. `host` gives
 * the address that clients are told, e.g. `127.0.0.1:6443`.
 */
export function serveDiscovery(app: FastifyInstance, kinds: Kinds, host: () => string): void {
  const documents = new Documents(kinds, host);
  const send = (
    request: FastifyRequest,
    reply: FastifyReply,
    document: CachedDocument | undefined,
    form: Form = "plain",
  ): Promise<FastifyReply> => {
    if (document === undefined) throw noSuchResource();
    return sendDocument(request, reply, document, contentTypes[form]);
  };
  app.get("/", (request, reply) => send(request, reply, documents.paths()));
  for (const core of [true, false]) {
    app.get(core ? "/api" : "/apis", (request, reply) => {
      const form = discoveryForm(request.headers.accept);
      return send(request, reply, documents.root(core, form), form);
    });
  }
  app.get<{ Params: { version: string } }>("/api/:version", (request, reply) =>
    send(request, reply, documents.version("", request.params.version)),
  );
  app.get<{ Params: { group: string } }>("/apis/:group", (request, reply) =>
    send(request, reply, documents.group(request.params.group)),
  );
  app.get<{ Params: { group: string; version: string } }>(
    "/apis/:group/:version",
    (request, reply) => {
      const { group, version } = request.params;
      return send(request, reply, documents.version(group, version));
    },
  );
}
