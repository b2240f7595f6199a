import type { FastifyInstance, FastifyRequest } from "fastify";
import { unauthorized } from "../../machinery/errors.ts";
import type { Authenticator, Authorizer, User } from "../access.ts";
import { refusal } from "../authz/denial.ts";
import { type RequestInfo, requestInfo } from "../objects/request-info.ts";
import { anonymous } from "./chain.ts";
import { peerCertificate } from "./peer.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Who sent the request: known and allowed, or {@link anonymous} on public paths. */
    user: User;
    /** What the request is about, as it was judged. */
    info: RequestInfo;
  }
}

/** Who lets requests in. */
export type Guard = { readonly authenticator: Authenticator; readonly authorizer: Authorizer };

async function letIn(request: FastifyRequest, { authenticator, authorizer }: Guard): Promise<void> {
  request.info = requestInfo(request.method, request.url);
  const certificate = peerCertificate(request.raw);
  const credentials = {
    headers: request.headers,
    ...(certificate === undefined ? {} : { certificate }),
  };
  const found = await authenticator.authenticate(credentials);
  request.user = found ?? anonymous;
  const { allowed, reason } = await authorizer.authorize(request.user, request.info);
  if (allowed) return;
  // Asking for credentials comes first: a stranger does not learn what exists.
  throw found === undefined ? unauthorized() : refusal(request.user, request.info, reason);
}

/**
 * Lets a request in only when its sender is known and allowed, before its body is read. Must be
 * called on the root instance before routes are added: hooks hold for later routes only.
 */
export function guardRequests(app: FastifyInstance, guard: Guard): void {
  // Declared for their place in the request's shape; set by the hook, which no route precedes.
  app.decorateRequest("user");
  app.decorateRequest("info");
  app.addHook("onRequest", (request) => letIn(request, guard));
}
