import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { badRequest, StatusError, tooManyRequests } from "../../machinery/errors.ts";
import { isJsonText } from "./yaml-body.ts";
import { mediaTypeOf } from "./codec.ts";

/** What the thread makes of a text: the same as JSON, or why it is refused. */
export type YamlAnswer =
  | { readonly json: string; readonly duplicates: readonly string[] }
  | { readonly refusal: string; readonly tooLarge: boolean };

/** A body as JSON, and the fields that its YAML had twice. */
export type JsonFromYaml = { readonly body: Buffer; readonly duplicates: readonly string[] };

/** Longer texts would hold up everybody else: a thousand tokens take about 10 ms. */
const maxInlineBytes = 4 * 1_024;
const yamlTypes: ReadonlySet<string> = new Set([
  "application/yaml",
  "application/apply-patch+yaml",
]);

/** Bodies that wait for the thread; each may be as long as a body may be. */
const maxWaiting = 50;

let waiting = 0;
let thread: Worker | undefined;
let last: Promise<unknown> = Promise.resolve();

function startThread(): Worker {
  const worker = new Worker(new URL("./yaml-worker.ts", import.meta.url));
  const forget = (): void => {
    if (thread === worker) thread = undefined;
  };
  worker.on("error", forget).on("exit", forget);
  return worker;
}

async function ask(text: string): Promise<YamlAnswer> {
  const worker = (thread ??= startThread());
  // Only an answer that somebody waits for keeps the process alive.
  worker.ref();
  try {
    worker.postMessage(text, []);
    const [answer] = (await once(worker, "message")) as [YamlAnswer];
    return answer;
  } finally {
    worker.unref();
  }
}

async function inTurn(text: string): Promise<YamlAnswer> {
  if (waiting >= maxWaiting) throw tooManyRequests("too much YAML waits to be read", 1);
  waiting += 1;
  const turn = last.then(() => ask(text));
  last = turn.catch(() => undefined); // the next one does not care
  try {
    return await turn;
  } finally {
    waiting -= 1;
  }
}

/**
 * Reads a long YAML body in a thread of its own, one after the other: it takes a thousand times as long as
 * JSON. `undefined` for bodies that are short, or no YAML.
 * @throws StatusError `BadRequest` for bad text, `RequestEntityTooLarge` for too many values,
 *   `TooManyRequests` while many others wait
 */
export async function readLongYaml(
  contentType: string | undefined,
  body: Buffer | undefined,
): Promise<JsonFromYaml | undefined> {
  if (body === undefined || body.length <= maxInlineBytes) return undefined;
  if (!yamlTypes.has(mediaTypeOf(contentType))) return undefined;
  const text = body.toString();
  if (isJsonText(text)) return undefined;
  const answer = await inTurn(text);
  if ("json" in answer) return { body: Buffer.from(answer.json), duplicates: answer.duplicates };
  if (answer.tooLarge) throw new StatusError("RequestEntityTooLarge", answer.refusal);
  throw badRequest(answer.refusal);
}
