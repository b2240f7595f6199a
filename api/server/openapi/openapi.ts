import type { FastifyInstance } from "fastify";
import { apiVersionOf } from "../../machinery/gvk.ts";
import { noSuchResource } from "../../machinery/errors.ts";
import { type CachedDocument, cachedDocument, sendDocument } from "../etag.ts";
import type { Kind, Kinds } from "../kinds/kind.ts";
import { turnOf } from "../objects/slices.ts";
import { type GroupVersion, openApiDocument } from "./document.ts";

const yearSeconds = 31_536_000;

/** `api/v1` or `apis/lighthouse.dev/v1`: the key of a document in the root. */
const keyOf = (of: Pick<GroupVersion, "group" | "version">): string =>
  `${of.group === "" ? "api" : "apis"}/${apiVersionOf(of)}`;

function groupVersionsOf(kinds: readonly Kind[]): ReadonlyMap<string, GroupVersion> {
  const found = new Map<string, GroupVersion & { readonly kinds: Kind[] }>();
  for (const kind of kinds) {
    const { group, version } = kind;
    const entry = found.get(keyOf(kind)) ?? { group, version, kinds: [] };
    entry.kinds.push(kind);
    found.set(keyOf(kind), entry);
  }
  return found;
}

type Rendered = { readonly kinds: readonly Kind[]; readonly document: Promise<CachedDocument> };

const sameKinds = (left: readonly Kind[], right: readonly Kind[]): boolean =>
  left.length === right.length && left.every((kind, index) => kind === right[index]);

/** Rendered documents; a change of the kinds costs only the documents it touches. */
class Documents {
  readonly #kinds: Kinds;
  readonly #rendered = new Map<string, Rendered>();

  constructor(kinds: Kinds) {
    this.#kinds = kinds;
  }

  #render(key: string, of: GroupVersion): Promise<CachedDocument> {
    const old = this.#rendered.get(key);
    if (old !== undefined && sameKinds(old.kinds, of.kinds)) return old.document;
    const document = openApiDocument(of).then(cachedDocument);
    this.#rendered.set(key, { kinds: of.kinds, document });
    return document;
  }

  async get(key: string): Promise<CachedDocument | undefined> {
    const of = groupVersionsOf(this.#kinds.list()).get(key);
    return of === undefined ? undefined : this.#render(key, of);
  }

  /** Every document with a URL that changes with its content. */
  async root(): Promise<CachedDocument> {
    const all = groupVersionsOf(this.#kinds.list());
    for (const key of this.#rendered.keys()) if (!all.has(key)) this.#rendered.delete(key);
    const paths: Record<string, { readonly serverRelativeURL: string }> = {};
    for (const [key, of] of all) {
      if (!this.#rendered.has(key)) await turnOf(); // one document is a few milliseconds of work
      const document = await this.#render(key, of);
      paths[key] = { serverRelativeURL: urlOf(key, document) };
    }
    return cachedDocument({ paths });
  }
}

const hashOf = ({ etag }: CachedDocument): string => etag.replaceAll('"', "");
const urlOf = (key: string, document: CachedDocument): string =>
  `/openapi/v3/${key}?hash=${hashOf(document)}`;

/** Serves `/openapi/v3` and the document of each group and version below it. */
export function serveOpenApi(app: FastifyInstance, kinds: Kinds): void {
  const documents = new Documents(kinds);
  app.get("/openapi/v3", async (request, reply) =>
    sendDocument(request, reply, await documents.root()),
  );
  app.get<{ Params: { "*": string }; Querystring: { hash?: string } }>(
    "/openapi/v3/*",
    async (request, reply) => {
      const key = request.params["*"];
      const document = await documents.get(key);
      if (document === undefined) {
        throw noSuchResource();
      }
      const { hash } = request.query;
      if (hash !== undefined && hash !== hashOf(document)) {
        return reply.redirect(urlOf(key, document), 301);
      }
      if (hash !== undefined) {
        const expires = new Date(Date.now() + yearSeconds * 1000).toUTCString();
        void reply.header("cache-control", "public, immutable").header("expires", expires);
      }
      return sendDocument(request, reply, document);
    },
  );
}
