import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import {
  badRequest,
  httpCode,
  methodNotAllowed,
  noSuchResource,
  StatusError,
  timedOut,
  tooLarge,
} from "../machinery/errors.ts";
import { internalStatus, toStatus } from "../machinery/status.ts";
import type { App } from "./http.ts";
import { bodyLimitBytes } from "./objects/codec.ts";
import { ExpiredToken } from "./objects/continue.ts";

const defects = new WeakSet<FastifyRequest>();

/** Whether a request ended in an exception that nobody foresaw. */
export const isDefect = (request: FastifyRequest): boolean => defects.has(request);

/** The only place where an exception becomes a response. Handlers never catch. */
export function mapErrors(app: App): void {
  app.setErrorHandler<FastifyError>((err, request, reply) => {
    const known = err instanceof StatusError ? err : ofFastify(err);
    if (known !== undefined) return sendError(reply, known);
    request.log.error({ err }, "unhandled error"); // the detail stays in our log
    defects.add(request);
    return reply
      .code(500)
      .type("application/json")
      .send(JSON.stringify(internalStatus(request.id)));
  });
  app.setNotFoundHandler((request, reply) => sendError(reply, noSuchPath(request)));
}

/** Answers what the framework refuses before any route or hook of ours runs, e.g. a broken URL. */
export function answerRefusal(
  err: FastifyError,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  void sendError(reply, ofFastify(err) ?? badRequest(err.message)); // reply is thenable
}

/** A path or method that nobody serves. */
export function noSuchPath({ method, url }: Pick<FastifyRequest, "method" | "url">): StatusError {
  if (!/^(GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(method)) return methodNotAllowed(method, url);
  return noSuchResource();
}

function sendError(reply: FastifyReply, err: StatusError): FastifyReply {
  const retry = err.details?.retryAfterSeconds;
  if (retry !== undefined) void reply.header("retry-after", String(retry)); // reply is thenable
  if (err.reason === "Unauthorized") void reply.header("www-authenticate", "Bearer");
  const status = toStatus(err);
  const body =
    err instanceof ExpiredToken ? { ...status, metadata: { continue: err.continueToken } } : status;
  // As bytes: to text the framework adds a charset, and docker reads only plain "application/json".
  const bytes = Buffer.from(JSON.stringify(body));
  return reply.code(httpCode[err.reason]).type("application/json").send(bytes);
}

/** What the framework itself refuses, in our words. */
function ofFastify(err: FastifyError): StatusError | undefined {
  switch (err.code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return tooLarge(bodyLimitBytes);
    case "FST_ERR_CTP_INVALID_CONTENT_LENGTH":
    case "FST_ERR_BAD_URL":
      return badRequest(err.message);
    case "FST_ERR_HANDLER_TIMEOUT":
      return timedOut("Cannot answer in time");
    default:
      return err.statusCode !== undefined && err.statusCode >= 400 && err.statusCode < 500
        ? badRequest(err.message)
        : undefined;
  }
}
