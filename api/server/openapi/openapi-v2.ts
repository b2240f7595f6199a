import type { FastifyInstance } from "fastify";
import { notAcceptable } from "../../machinery/errors.ts";
import { cachedBytes, type CachedDocument, sendDocument } from "../etag.ts";
import type { Kinds } from "../kinds/kind.ts";
import { type Form, openApiV2Document } from "./v2-document.ts";

// The type that is asked for has an "@", which no media type may have; answers have a dot.
const answered = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
const asked = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";

const forms = new Map<string, Form>([
  [asked, "protobuf"],
  [answered, "protobuf"],
  ["application/json", "json"],
  ["application/*", "json"],
  ["*/*", "json"],
]);
const contentTypes: Readonly<Record<Form, string>> = {
  json: "application/json",
  protobuf: answered,
};

/**
 * The form that an Accept header asks for first; JSON without one.
 * @throws StatusError `NotAcceptable` when it asks for neither.
 */
export function openApiV2Form(accept: string | undefined): Form {
  if (accept === undefined || accept === "") return "json";
  const types = accept.split(",").map((range) => (range.split(";")[0] ?? "").trim().toLowerCase());
  for (const type of types) {
    const form = forms.get(type);
    if (form !== undefined) return form;
  }
  throw notAcceptable(
    `only the following media types are accepted: application/json, ${asked}, not ${accept}`,
  );
}

/** The document of one state of the kinds, in the forms that were asked for. */
class Documents {
  readonly #kinds: Kinds;
  #rendered = new Map<Form, Promise<CachedDocument>>();

  constructor(kinds: Kinds) {
    this.#kinds = kinds;
    kinds.onChange(() => {
      this.#rendered = new Map();
    });
  }

  async #render(form: Form): Promise<CachedDocument> {
    return cachedBytes(await openApiV2Document(this.#kinds.list(), form));
  }

  get(form: Form): Promise<CachedDocument> {
    const rendered = this.#rendered.get(form) ?? this.#render(form);
    this.#rendered.set(form, rendered);
    return rendered;
  }
}

/** Serves `/openapi/v2`, as JSON and as gnostic's protobuf; rendered when first asked for. */
export function serveOpenApiV2(app: FastifyInstance, kinds: Kinds): void {
  const documents = new Documents(kinds);
  app.get("/openapi/v2", async (request, reply) => {
    const form = openApiV2Form(request.headers.accept);
    return sendDocument(request, reply, await documents.get(form), contentTypes[form]);
  });
}
