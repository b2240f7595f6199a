import type { Readable } from "node:stream";
import type { DockerUrl } from "../../machinery/docker/docker-url.ts";
import type { FoundOperation } from "../../machinery/docker/operations.ts";

/** One call of the Engine API, read but not yet judged. */
export type SentCall = {
  readonly found: FoundOperation;
  readonly url: DockerUrl;
  /** A stream where the operation has one, else all of it. */
  readonly body: Readable | Buffer;
  readonly contentType: string | undefined;
  /** The caller may do what is not for everybody: privileged containers, for one. */
  readonly override: boolean;
};

/** What goes on to the engine. */
export type JudgedCall = { readonly url: DockerUrl; readonly body?: Readable | Buffer };

export function judgeCall(call: SentCall): JudgedCall {
  const { url, body } = call;
  return Buffer.isBuffer(body) && body.length === 0 ? { url } : { url, body };
}
