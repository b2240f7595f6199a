import type { PassedAnswer } from "../engine/pass-through.ts";
import type { RouteWorld } from "../node-route.ts";

/** JSON of the engine, or its own words why there is none: those are for the caller. */
export type Asked<T> = { readonly value: T } | { readonly refusal: PassedAnswer };

/** Far above any inspect. Bytes. */
const maxAnswerBytes = 16 << 20;

/** All of a body. @throws Error when it is larger than anything we ask for */
export async function readAnswer(response: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes)
      throw new Error(`the engine's answer is over ${maxAnswerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Asks the engine something on the way; `path` begins with the version that the caller chose. */
export async function askEngine<T>(
  { host, nodeName }: RouteWorld,
  path: string,
  signal: AbortSignal,
): Promise<Asked<T>> {
  const doing = { action: "ask Docker", kind: "engines", name: nodeName } as const;
  const answer = await host.engine.passThrough({ method: "GET", path, headers: {} }, doing, signal);
  if (answer.response.statusCode !== 200) return { refusal: answer };
  return { value: JSON.parse((await readAnswer(answer.response)).toString("utf8")) as T };
}
