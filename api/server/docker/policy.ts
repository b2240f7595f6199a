import type { Readable } from "node:stream";
import type { DockerUrl } from "../../machinery/docker/docker-url.ts";
import type { FoundOperation } from "../../machinery/docker/operations.ts";
import { badRequest, StatusError } from "../../machinery/errors.ts";
import { containerLabel } from "../../../crds/labels.ts";
import {
  containerCreate,
  containerUpdate,
  execCreate,
  execStart,
  imageConfig,
} from "./container-rules.ts";
import {
  authConfig,
  networkConnect,
  networkCreate,
  networkDisconnect,
  volumeCreate,
} from "./other-rules.ts";
import type { ImagePolicy } from "../../machinery/images/image-policy.ts";
import { findingsOfContainer, findingsOfImageCall } from "./image-rules.ts";
import { findingsOfQuery } from "./query-rules.ts";
import { type Check, type Finding, readJsonBody } from "./shape.ts";

/** One call of the Engine API, read but not yet judged. */
export type SentCall = {
  readonly found: FoundOperation;
  readonly url: DockerUrl;
  /** A stream where the operation has one, else all of it. */
  readonly body: Readable | Buffer;
  readonly contentType: string | undefined;
  /** The caller may do what is not for everybody: privileged containers, for one. */
  readonly override: boolean;
  /** Where images of the cluster may come from. */
  readonly images: ImagePolicy;
};

/** What goes on to the engine. */
export type JudgedCall = { readonly url: DockerUrl; readonly body?: Readable | Buffer };

/** What the JSON bodies of each operation may say. */
const bodyRules: Readonly<Record<string, Check>> = {
  "POST /auth": authConfig,
  "POST /commit": imageConfig,
  "POST /containers/create": containerCreate,
  "POST /containers/{id}/exec": execCreate,
  "POST /containers/{id}/update": containerUpdate,
  "POST /exec/{id}/start": execStart,
  "POST /networks/create": networkCreate,
  "POST /networks/{id}/connect": networkConnect,
  "POST /networks/{id}/disconnect": networkDisconnect,
  "POST /volumes/create": volumeCreate,
};

/** Forms are left out: Docker takes values of their bodies for values of the query. */
const streamTypes =
  /^(application\/(x-)?(tar|gzip|bzip2|xz|zstd)|application\/(octet-stream|json)|text\/plain)\s*(;|$)/i;

const wayOut = "it takes the right to override nodes/docker-write of this node";

function refuse(call: SentCall, findings: readonly Finding[]): never {
  const { method } = call.found.operation;
  const all = findings.map(({ at, why }) => `${at}: ${why}`).join("; ");
  const what = `Cannot pass ${method} ${call.url.path} to Docker`;
  if (findings.some(({ broken }) => broken)) throw badRequest(`${what}: ${all}`);
  throw new StatusError("Forbidden", `${what}: ${all}; ${wayOut}`);
}

function judge(call: SentCall, findings: readonly Finding[]): void {
  const counted = call.override ? findings.filter(({ broken }) => broken) : findings;
  if (counted.length > 0) refuse(call, counted);
}

const isNothing = (body: Buffer): boolean =>
  /^\s*(\{\s*\}|null)?\s*$/.test(body.toString("latin1"));

/** A container made by hand is none of ours, whatever labels its image has. */
function disowned(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { Labels } = value as { readonly Labels?: object | null };
  return { ...value, Labels: { ...Labels, [containerLabel.cluster]: "" } };
}

function judgeJson(call: SentCall, body: Buffer): Buffer {
  const { method, pattern } = call.found.operation;
  const route = `${method} ${pattern}`;
  const check = bodyRules[route];
  if (check === undefined)
    throw badRequest(`Cannot pass ${route} to Docker: nobody knows its body`);
  const value = body.length === 0 ? {} : readJsonBody(body);
  const isCreate = route === "POST /containers/create";
  const ofImage = isCreate ? findingsOfContainer(value, call.images) : [];
  judge(call, [...check(value, ""), ...ofImage]);
  const judged = isCreate ? disowned(value) : value;
  return Buffer.from(JSON.stringify(judged));
}

function judgeBody(call: SentCall): Pick<JudgedCall, "body"> {
  const { found, body, contentType } = call;
  const { method } = found.operation;
  if (!Buffer.isBuffer(body)) {
    if (contentType !== undefined && !streamTypes.test(contentType))
      throw badRequest(`Cannot pass a body of type ${contentType} to Docker`);
    return { body };
  }
  if (found.operation.body === "json") return { body: judgeJson(call, body) };
  // Docker before API 1.24 started containers with a HostConfig that came here.
  if (!isNothing(body))
    throw badRequest(`Cannot pass ${method} ${call.url.path} to Docker: it has no body`);
  return {};
}

/**
 * The one place that says what may be sent to an engine: everything that is created or changed goes
 * through it, and what it has read is what is sent, written anew.
 * @throws StatusError `BadRequest` for what nobody may send, `Forbidden` for what needs the override
 */
export function judgeCall(call: SentCall): JudgedCall {
  const { operation } = call.found;
  if (operation.opaque) judge(call, [{ at: operation.pattern, why: opaqueWhy, broken: false }]);
  judge(call, findingsOfQuery(operation, call.url.query));
  const route = `${operation.method} ${operation.pattern}`;
  judge(call, findingsOfImageCall(route, call.url.query, call.images));
  return { url: call.url, ...judgeBody(call) };
}

const opaqueWhy = "nobody can look into what BuildKit is told, build with DOCKER_BUILDKIT=0";
