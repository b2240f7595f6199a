import type { Clock } from "../../machinery/clock.ts";
import { onAnswered } from "../answered.ts";
import { urlForLog } from "../docker/url-for-log.ts";
import { isLongRunning } from "../fairness/levels.ts";
import type { App, Reply, Request } from "../http.ts";
import { mediaTypeOf } from "../objects/codec.ts";
import { auditLine, type Stage } from "./audit-event.ts";
import type { AuditLog } from "./audit-log.ts";
import { type AuditPolicy, type Verdict, verdictOf } from "./policy.ts";

/** What auditing is made of. */
export type AuditOptions = {
  readonly policy: AuditPolicy;
  readonly log: Pick<AuditLog, "write">;
  readonly clock: Pick<Clock, "nowMs">;
};

/** Larger bodies are left out: the log must not grow faster than the store. */
const maxBodyBytes = 128 * 1_024;

type Record = { readonly receivedMs: number; response?: unknown };

/**
 * Records requests as the policy asks: once when they are answered, and for what lasts, such as
 * a session in a container, also when it begins.
 */
export function auditRequests(app: App, options: AuditOptions): void {
  const records = new WeakMap<Request, Record>();
  const write = (request: Request, reply: Reply, stage: Stage): void => {
    const verdict = verdictOf(options.policy, request.user, request.info);
    if (verdict.level === "None" || verdict.omitStages.includes(stage)) return;
    const record = records.get(request) ?? { receivedMs: options.clock.nowMs() };
    options.log.write(lineOf(request, reply, { stage, verdict, record, options }));
  };
  app.addHook("onRequest", (request, _reply, done) => {
    records.set(request, { receivedMs: options.clock.nowMs() });
    done();
  });
  // The user is known here, and the request allowed.
  app.addHook("preHandler", (request, reply, done) => {
    if (isLongRunning(request.info)) write(request, reply, "ResponseStarted");
    done();
  });
  app.addHook("onSend", (request, reply, payload, done) => {
    const record = records.get(request);
    if (record !== undefined && keepsAnswer(options.policy, request, reply.statusCode)) {
      record.response = jsonOf("application/json", payload);
    }
    done();
  });
  onAnswered(app, (request, reply) => write(request, reply, "ResponseComplete"));
}

/** Whether a record needs the body of the answer. */
function keepsAnswer(policy: AuditPolicy, { user, info }: Request, code: number): boolean {
  const { level } = verdictOf(policy, user, info);
  return level === "RequestResponse" || (code >= 400 && level !== "None");
}

type Context = {
  readonly stage: Stage;
  readonly verdict: Verdict;
  readonly record: Record;
  readonly options: AuditOptions;
};

function lineOf(request: Request, { raw }: Reply, context: Context): string {
  const { info, user, url, headers } = request;
  const { stage, verdict, record, options } = context;
  const { level } = verdict;
  const auditId = raw.getHeader("audit-id");
  const sent = level === "Metadata" ? undefined : jsonOf(headers["content-type"], request.body);
  const reason = (record.response as { readonly reason?: unknown } | undefined)?.reason;
  return auditLine({
    auditId: typeof auditId === "string" ? auditId : "",
    level,
    stage,
    requestUri: urlForLog(url),
    ...(resourceHides(info) ? { method: request.method } : {}),
    verb: info.verb,
    user,
    sourceIp: request.ip,
    userAgent: headers["user-agent"] ?? "",
    resource: info.resource,
    code: raw.statusCode,
    receivedMs: record.receivedMs,
    nowMs: options.clock.nowMs(),
    ...(typeof reason === "string" ? { reason } : {}),
    ...(sent === undefined ? {} : { requestObject: sent }),
    ...(level === "RequestResponse" && record.response !== undefined
      ? { responseObject: record.response }
      : {}),
  });
}

/** Whether the verb does not tell the method: calls of Docker are `get` or `create`. */
const resourceHides = ({ resource }: Request["info"]): boolean =>
  resource?.plural === "nodes" && resource.subresource.startsWith("docker-");

/** A body as JSON; `undefined` for other media types, and for what is too large or a stream. */
function jsonOf(contentType: string | undefined, body: unknown): unknown {
  if (typeof body !== "string" && !Buffer.isBuffer(body)) return undefined;
  if (body.length === 0 || body.length > maxBodyBytes) return undefined;
  if (!mediaTypeOf(contentType).includes("json")) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined; // refused anyway: the answer says why
  }
}
