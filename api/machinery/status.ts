import { httpCode, type Reason, StatusError, type StatusDetails } from "./errors.ts";

/** The wire form of a failure: meta/v1 Status. */
export type Status = {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: "Failure" | "Success";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
};

/** The wire form of an error. */
export function toStatus(err: StatusError): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: err.message,
    reason: err.reason,
    ...(err.details === undefined ? {} : { details: err.details }),
    code: httpCode[err.reason],
  };
}

/** The answer to a bug of ours: the request id leads to the log, the detail stays there. */
export function internalStatus(requestId: string): Status {
  const message = `Internal error: see the server's log for request ${requestId}`;
  return toStatus(new StatusError("InternalError", message));
}

/** The answer of a delete that removed the object at once: clients wait for this uid to vanish. */
export function deletedStatus(details: StatusDetails): Status {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", details, code: 200 };
}

function isStatus(body: unknown): body is Partial<Status> {
  return typeof body === "object" && body !== null && "kind" in body && body.kind === "Status";
}

const byCode = new Map<number, Reason>(
  (Object.keys(httpCode) as Reason[])
    .filter((reason) => reason !== "AlreadyExists") // 409 without a Status is a conflict
    .map((reason) => [httpCode[reason], reason]),
);

/** Rebuilds the error from an answer; a body that is no Status still gives the code's reason. */
export function fromStatus(code: number, body: unknown): StatusError {
  const fallback = byCode.get(code) ?? (code >= 500 ? "InternalError" : "BadRequest");
  if (!isStatus(body)) return new StatusError(fallback, `Server answered ${code}`);
  const { reason, message, details } = body;
  const known = typeof reason === "string" && Object.hasOwn(httpCode, reason);
  const isDetails = typeof details === "object" && details !== null;
  return new StatusError(
    known ? (reason as Reason) : fallback,
    typeof message === "string" ? message : `Server answered ${code}`,
    isDetails ? { details } : {},
  );
}
