import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Decision, User } from "./access.ts";
import type { RequestInfo } from "./objects/request-info.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** What the request is about; set before any hook of ours runs. */
    info: RequestInfo;
    /** Who sent it; nobody (an empty name) on public routes. */
    user: User;
    /** How many changes of rights there had been when it was judged. */
    judgedAt: number;
    /**
     * For what goes on after the answer has begun: aborts when the server stops, and when the request
     * would be refused now. See `LiveRequests`.
     */
    ending: () => AbortSignal;
    /** What authorization came to; absent while nobody was asked. */
    decision?: Decision;
    /** What admission puts on the audit event; absent while there is nothing. */
    auditAnnotations?: Map<string, string>;
  }
}

/** The fastify instance; over HTTP/2 its raw objects are those of the compatibility API. */
export type App = FastifyInstance;
export type Request = FastifyRequest;
export type Reply = FastifyReply;
