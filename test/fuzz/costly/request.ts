import type { LightMyRequestResponse } from "fastify";
import type { Method, SendOptions, TestApp } from "../../kit/app.ts";

/** A request that does as much harm to the event loop as its author could think of. */
export type CostlyRequest = {
  readonly what: string;
  readonly method: Method;
  readonly url: string;
  readonly body?: string | Buffer;
  readonly options?: SendOptions;
};

/** Some of these requests, made when they are due: each may be 3 MiB long. */
export type CostlyGroup = () => readonly CostlyRequest[];

/** Longest body that is read, in bytes. */
export const maxBytes = 3 * 1_024 * 1_024;
/** Path of the default namespace in the core group. */
export const core = "/api/v1/namespaces/default";
/** Path of the default namespace in the group of the costly CRDs. */
export const custom = "/apis/costly.example.com/v1/namespaces/default";

/** A list of `count` made items. */
export const many = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));
/** An object of `count` made fields. */
export const fieldsOf = (
  count: number,
  make: (index: number) => readonly [string, unknown],
): object => Object.fromEntries(many(count, make));
/** An object of a kind, with a name. */
export const named = (kind: string, name: string, rest: object, apiVersion = "v1"): object => ({
  apiVersion,
  kind,
  metadata: { name },
  ...rest,
});
/** An object of one of the costly CRDs. */
export const thing = (kind: string, name: string, spec: unknown): object =>
  named(kind, name, { spec }, "costly.example.com/v1");

/** A creation that is not stored. */
export const post = (
  what: string,
  url: string,
  value: unknown,
  options?: SendOptions,
): CostlyRequest => ({
  what,
  method: "POST",
  url: `${url}?dryRun=All`,
  body: typeof value === "string" ? value : JSON.stringify(value),
  ...(options === undefined ? {} : { options }),
});
/** A creation of a ConfigMap that is not stored. */
export const configMap = (what: string, value: unknown, options?: SendOptions): CostlyRequest =>
  post(what, `${core}/configmaps`, value, options);
/** A patch that is not stored; `type` without `application/`. */
export const patch = (what: string, type: string, url: string, value: unknown): CostlyRequest => ({
  what,
  method: "PATCH",
  url: `${url}${url.includes("?") ? "&" : "?"}dryRun=All`,
  body: typeof value === "string" ? value : JSON.stringify(value),
  options: {
    type: `application/${type}`,
  },
});
/** A forced server-side apply that is not stored. */
export const apply = (what: string, url: string, value: unknown): CostlyRequest =>
  patch(what, "apply-patch+yaml", `${url}?fieldManager=fuzz&force=true`, value);

/** Path of a Thing. */
export const rest = (name: string): string => `${custom}/things/${name}`;

/** A plain container. */
export const container = { name: "c", image: "i" };
/** A Pod with this `spec`. */
export const pod = (spec: object): object => named("Pod", "a", { spec });

/** Sends a request as it is. */
export function inject(
  { app }: TestApp,
  { method, url, body, options = {} }: CostlyRequest,
): Promise<LightMyRequestResponse> {
  const { type = "application/json", accept, headers } = options;
  const named = accept === undefined ? {} : { accept };
  const content = body === undefined ? {} : { "content-type": type };
  const payload = body === undefined ? {} : { payload: body };
  return app.inject({ method, url, headers: { ...headers, ...named, ...content }, ...payload });
}
