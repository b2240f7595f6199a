import type { Client, RawResponse } from "../api/client/client.ts";

/** The whole body of an answer as text. */
export async function readText(response: RawResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** GETs a path and parses the answer. */
export async function readJson<T>(
  client: Client,
  path: string,
  accept = "application/json",
  signal?: AbortSignal,
): Promise<T> {
  const response = await client.raw({ method: "GET", path, accept }, signal);
  return JSON.parse(await readText(response)) as T;
}

/** The lines of a body as they arrive; a last line without an end counts too. */
export async function* readLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
