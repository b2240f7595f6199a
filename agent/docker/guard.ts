import type { Readable } from "node:stream";
import type { DockerUrl } from "../../api/machinery/docker/docker-url.ts";
import type { FoundOperation } from "../../api/machinery/docker/operations.ts";
import type { NodeCall } from "../../api/tunnel/node-link.ts";
import type { PassedAnswer } from "../engine/pass-through.ts";
import type { RouteWorld } from "../node-route.ts";

/** A call that the caller has the right to. */
export type AskedCall = {
  readonly call: NodeCall;
  readonly url: DockerUrl;
  readonly found: FoundOperation;
};

/** What goes to the engine, or the engine's own answer that it cannot. */
export type GuardedCall =
  | {
      readonly url: DockerUrl;
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: Readable;
    }
  | { readonly refusal: PassedAnswer };

export async function guardCall(
  _world: RouteWorld,
  { call, url }: AskedCall,
  _signal: AbortSignal,
): Promise<GuardedCall> {
  return { url, headers: {}, ...(call.body === undefined ? {} : { body: call.body }) };
}
