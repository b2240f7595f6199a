import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../../machinery/clock.ts";
import { internal } from "../../machinery/errors.ts";
import { onAnswered } from "../answered.ts";
import { urlForLog } from "../docker/url-for-log.ts";
import { isDefect } from "../errors.ts";
import { isLongRunning } from "../fairness/levels.ts";
import type { App, Reply, Request } from "../http.ts";
import { requestInfo } from "../objects/request-info.ts";
import { codeOfUnreadable } from "../request-limits.ts";
import { annotate } from "./annotate.ts";
import { type AnswerStatus, auditLine, type Seen, type Stage } from "./audit-event.ts";
import type { AuditLog } from "./audit-log.ts";
import { jsonOf, triedToBe } from "./exchange.ts";
import { type AuditLevel, type AuditPolicy, type Verdict, verdictOf } from "./policy.ts";
import { plainAddress, sourcesOf } from "./source.ts";
import { openStorms, type Storms } from "./storms.ts";

/** Whether a request waits for its record; `blocking-strict` refuses what cannot be recorded. */
export type AuditMode = "batch" | "blocking" | "blocking-strict";

/** What auditing is made of. */
export type AuditOptions = {
  readonly policy: AuditPolicy;
  readonly log: Pick<AuditLog, "write" | "record" | "failing">;
  readonly clock: Pick<Clock, "nowMs">;
  /** Default `batch`. */
  readonly mode?: AuditMode;
};

/** Records requests as a policy asks. */
export interface Auditing {
  /** Records what hooks see, and what could not even be read. */
  serve(app: App): void;
  /**
   * To be called once the sender is known, before anything is asked or done in their name.
   * @throws StatusError `InternalError` when it cannot be recorded and therefore must not be done
   */
  onKnown(request: Request): Promise<void> | undefined;
  /** For a request that no hook sees. */
  onUnrouted(request: Request, reply: Reply): void;
}

/** How often it is told what was left out of storms, in milliseconds. */
const stormMs = 60_000;
/** The client went away before there was an answer; nginx's number, as HTTP has none. */
const clientGone = 499;

type Record = {
  readonly receivedMs: number;
  /** Read early: a connection that was cut has no address any more. */
  readonly sourceIps: readonly string[];
  readonly auditId: string;
  verdict?: Verdict;
  verdictFor?: Request["user"];
  begun?: true;
  response?: unknown;
};

type More = {
  readonly status?: AnswerStatus;
  /** Default: to the log, and nobody waits for it. */
  readonly write?: (event: string) => void;
};

type Bodies = Pick<Seen, "requestObject" | "responseObject">;

/** Makes {@link Auditing} that writes to a log. */
export function openAuditing(options: AuditOptions): Auditing {
  return new Auditor(options);
}

class Auditor implements Auditing {
  readonly #options: AuditOptions;
  readonly #records = new WeakMap<Request, Record>();
  readonly #storms: Storms;

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#storms = openStorms(options.clock);
  }

  serve(app: App): void {
    app.addHook("onRequest", (request, reply, done) => {
      this.#recordOf(request, reply);
      done();
    });
    app.addHook("preHandler", (request, _reply, done) => {
      this.#begin(request); // on public routes nobody was asked for
      if (isLongRunning(request.info)) this.#write(request, "ResponseStarted");
      done();
    });
    app.addHook("onSend", (request, reply, payload, done) => {
      const record = this.#records.get(request);
      if (record !== undefined && this.#keepsAnswer(request, record, reply.statusCode)) {
        record.response = jsonOf("application/json", payload);
      }
      done();
    });
    onAnswered(app, (request, reply, _elapsedMs, complete) => this.#end(request, reply, complete));
    app.server.prependListener("clientError", (err: Error, socket: Socket) =>
      this.#recordUnreadable(err, socket),
    );
    const timer = setInterval(() => this.#tellLeftOut(), stormMs).unref();
    app.addHook("onClose", (_app, done) => {
      clearInterval(timer);
      this.#tellLeftOut();
      done();
    });
  }

  onKnown(request: Request): Promise<void> | undefined {
    const { mode = "batch", log } = this.#options;
    if (mode === "batch") {
      this.#begin(request);
      return undefined;
    }
    return this.#waitFor(request, log, mode === "blocking-strict");
  }

  onUnrouted(request: Request, reply: Reply): void {
    this.#recordOf(request, reply);
    reply.raw.once("close", () => this.#end(request, reply, true));
  }

  async #waitFor(request: Request, log: AuditOptions["log"], strict: boolean): Promise<void> {
    const record = this.#records.get(request);
    if (record === undefined || this.#verdict(request, record).level === "None") return;
    let written: Promise<boolean> | undefined;
    this.#begin(request, (event) => {
      written = log.record(event);
    });
    // Where the policy leaves this stage out, the log's health speaks for the stages to come.
    const isSafe = written === undefined ? !log.failing : await written;
    if (strict && !isSafe) throw internal("Cannot record the request: the audit log takes none");
  }

  #recordOf(request: Request, { raw }: Reply): Record {
    const known = this.#records.get(request);
    if (known !== undefined) return known;
    const id = raw.getHeader("audit-id");
    const record: Record = {
      receivedMs: this.#options.clock.nowMs(),
      sourceIps: sourcesOf(request),
      auditId: typeof id === "string" ? id : randomUUID(),
    };
    this.#records.set(request, record);
    return record;
  }

  #verdict({ user, info }: Request, record: Record): Verdict {
    const { verdict: known, verdictFor } = record;
    if (known !== undefined && verdictFor === user) return known;
    // Who really asks: else acting as one of our parts would keep people out of the log.
    const verdict = verdictOf(this.#options.policy, user.actor ?? user, info);
    record.verdict = verdict;
    record.verdictFor = user;
    return verdict;
  }

  /** Whether a record needs the body of the answer. */
  #keepsAnswer(request: Request, record: Record, code: number): boolean {
    const { level } = this.#verdict(request, record);
    return level === "RequestResponse" || (code >= 400 && level !== "None");
  }

  #begin(request: Request, write?: (event: string) => void): void {
    const record = this.#records.get(request);
    if (record === undefined || record.begun === true) return;
    record.begun = true;
    this.#write(request, "RequestReceived", write === undefined ? {} : { write });
  }

  #end(request: Request, reply: Reply, complete: boolean): void {
    const { raw } = reply;
    const record = this.#recordOf(request, reply);
    const { reason } = (record.response ?? {}) as { readonly reason?: unknown };
    const gone = !complete && !raw.headersSent;
    const cut = !complete && !gone && !isLongRunning(request.info);
    if (cut) annotate(request, "lighthouse.dev/aborted", "true");
    const code = gone ? clientGone : raw.statusCode;
    const status: AnswerStatus = {
      code,
      ...(typeof reason === "string" ? { reason } : {}),
      ...(code === 401 ? { message: triedToBe(request) } : {}),
    };
    if (code === 401 && !this.#admits(request, record)) return;
    this.#write(request, isDefect(request) ? "Panic" : "ResponseComplete", { status });
  }

  /** Whether it is no part of a storm: whoever is not known could fill the log for nothing. */
  #admits(request: Request, { sourceIps: [source = ""] }: Record): boolean {
    const leftOut = this.#storms.admit(source);
    if (leftOut === undefined) return false;
    if (leftOut > 0) annotate(request, "lighthouse.dev/left-out", String(leftOut));
    return true;
  }

  #write(request: Request, stage: Stage, more: More = {}): void {
    const record = this.#records.get(request);
    if (record === undefined) return;
    const { level, omitStages } = this.#verdict(request, record);
    if (level === "None" || omitStages.includes(stage)) return;
    const { info, user, url, headers, method } = request;
    if (resourceHides(info)) annotate(request, "lighthouse.dev/method", method);
    const event = auditLine({
      auditId: record.auditId,
      level,
      stage,
      requestUri: urlForLog(url),
      verb: info.verb,
      user,
      sourceIps: record.sourceIps,
      userAgent: headers["user-agent"] ?? "",
      resource: info.resource,
      status: more.status,
      decision: request.decision,
      annotations: request.auditAnnotations,
      receivedMs: record.receivedMs,
      nowMs: this.#options.clock.nowMs(),
      ...(stage === "RequestReceived" ? {} : bodiesOf(request, level, record.response)),
    });
    if (more.write === undefined) this.#options.log.write(event);
    else more.write(event);
  }

  /** HTTP/1.1 that no parser understands, or that did not come to its end. */
  #recordUnreadable(err: Error & { readonly code?: string }, socket: Socket): void {
    const code = codeOfUnreadable(err);
    if (code === undefined) return;
    const source = plainAddress(socket.remoteAddress ?? "");
    const leftOut = this.#storms.admit(source);
    if (leftOut !== undefined) this.#writeStranger(source, code, leftOut, err.code ?? "unreadable");
  }

  /** What storms left out since is told, when they have passed. */
  #tellLeftOut(): void {
    for (const [source, count] of this.#storms.takeLeftOut()) {
      this.#writeStranger(source, 401, count, "left out of a storm");
    }
  }

  #writeStranger(source: string, code: number, leftOut: number, why: string): void {
    const info = requestInfo("", "/");
    const user = { name: "", groups: [] };
    const { level, omitStages } = verdictOf(this.#options.policy, user, info);
    if (level === "None" || omitStages.includes("ResponseComplete")) return;
    const nowMs = this.#options.clock.nowMs();
    const annotations = new Map([["lighthouse.dev/unreadable", why]]);
    if (leftOut > 0) annotations.set("lighthouse.dev/left-out", String(leftOut));
    this.#options.log.write(
      auditLine({
        auditId: randomUUID(),
        level,
        stage: "ResponseComplete",
        requestUri: "",
        verb: "",
        user,
        sourceIps: source === "" ? [] : [source],
        userAgent: "",
        resource: undefined,
        status: { code },
        annotations,
        receivedMs: nowMs,
        nowMs,
      }),
    );
  }
}

/** Both bodies as the level asks for them; absent ones are no JSON. */
function bodiesOf({ headers, body }: Request, level: AuditLevel, response: unknown): Bodies {
  if (level === "Metadata") return {};
  const requestObject = jsonOf(headers["content-type"], body);
  return { requestObject, ...(level === "Request" ? {} : { responseObject: response }) };
}

/** Whether the verb does not tell the method: calls of Docker are `get` or `create`. */
const resourceHides = ({ resource }: Request["info"]): boolean =>
  resource?.plural === "nodes" && resource.subresource.startsWith("docker-");
