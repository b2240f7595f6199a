import { expect, test } from "vitest";
import type { RawRequest } from "../../api/client/client.ts";
import { notFound, unavailable } from "../../api/machinery/errors.ts";
import { streamLines } from "./print-stream.ts";

type Answer = readonly string[] | Error;

/** A server that answers one connection after the other. */
function server(...answers: readonly Answer[]) {
  const left = [...answers];
  return {
    async raw(_request: RawRequest) {
      const answer = left.shift();
      if (answer === undefined) throw new Error("Nobody shall ask again");
      if (answer instanceof Error) throw answer;
      const body = (async function* () {
        for (const line of answer) yield Buffer.from(line);
      })();
      return { status: 200, headers: {}, body };
    },
  };
}

const line = (status: string, item: number, verdict?: string): string =>
  `${JSON.stringify({ Status: status, Item: item, Verdict: verdict })}\n`;

async function statuses(...answers: readonly Answer[]): Promise<readonly string[]> {
  const seen: string[] = [];
  const signal = AbortSignal.timeout(10_000);
  for await (const { line } of streamLines(server(...answers), "/rollout", signal)) {
    seen.push(`${line.Status} ${line.Item}`);
  }
  return seen;
}

test("streamLines() ends with the verdict", async () => {
  expect(await statuses([line("Starting", 0), line("Finalized", 0, "Succeeded")])).toEqual([
    "Starting 0",
    "Finalized 0",
  ]);
});

test("streamLines() goes on after a server that ended or went away, and tells each line once", async () => {
  const half = '{"Status":"OK","It';
  const seen = await statuses([line("Starting", 0), half], unavailable("the server restarts"), [
    line("Starting", 0),
    line("OK", 1),
    line("Finalized", 0, "RolledBack"),
  ]);
  expect(seen).toEqual(["Starting 0", "OK 1", "Finalized 0"]);
});

test("streamLines() follows the rollout that takes over", async () => {
  const seen = await statuses(
    [line("Starting", 0), line("Finalized", 0, "Superseded")],
    [line("Starting", 0), line("Finalized", 0, "Succeeded")],
  );
  expect(seen).toEqual(["Starting 0", "Finalized 0", "Starting 0", "Finalized 0"]);
});

test("streamLines() ends with a refusal", async () => {
  const gone = notFound({ group: "lighthouse.dev", plural: "applications" }, "web");
  await expect(statuses(gone)).rejects.toThrow('"web" not found');
});
