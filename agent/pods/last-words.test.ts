import { expect, test } from "vitest";
import { buildFact, buildPod, endedFact, endedHistory, noonMs } from "../../test/kit/pod-world.ts";
import type { LogOptions, Output } from "../engine/engine.ts";
import type { History } from "./history.ts";
import { tailOf, withLastWords } from "./last-words.ts";

const said = (text: string): Output => ({ stream: "stderr", bytes: Buffer.from(text) });

test.each([
  ["keeps short output whole", "cannot open config\n", "cannot open config"],
  ["keeps lines in order", "one\ntwo\n\n", "one\ntwo"],
  ["drops all but 80 lines", "x\n".repeat(100), "x\n".repeat(80).trimEnd()],
  ["drops all but 2048 bytes", "y".repeat(5_000), "y".repeat(2_048)],
  ["cuts no character in two", `a${"\u20ac".repeat(1_000)}`, "\u20ac".repeat(682)],
  ["is empty without output", "", ""],
])("tailOf() %s", (_why, text, want) => {
  expect(tailOf([said(text)])).toBe(want);
});

function heard(text: string) {
  const asked: { readonly id: string; readonly options: LogOptions }[] = [];
  const io = {
    async *logs(id: string, options: LogOptions) {
      asked.push({ id, options });
      yield said(text);
    },
  };
  return { io, asked };
}

const never = new AbortController().signal;
const pod = buildPod();
const histories = (history: History) => new Map([["app", history]]);
const ended = { pod, containers: [endedFact()], histories: histories(endedHistory()) };

test("withLastWords() adds what a failed run said, and asks once", async () => {
  const { io, asked } = heard("cannot open config\n");
  const first = await withLastWords(ended, io, never);
  expect(first.get("app")?.ending?.message).toBe("cannot open config");
  expect(asked).toEqual([{ id: "id-app", options: { tail: 80, tty: false } }]);
  expect(await withLastWords({ ...ended, histories: first }, io, never)).toBe(first);
  expect(asked).toHaveLength(1);
});

test("withLastWords() leaves out what an earlier run of the container said", async () => {
  const { io, asked } = heard("again\n");
  const run = endedHistory().ending;
  const last = run && { ...run, finishedAtMs: noonMs - 61_000 };
  await withLastWords({ ...ended, histories: histories(endedHistory({ last })) }, io, never);
  const other = last && { ...last, containerId: "id-before" };
  await withLastWords({ ...ended, histories: histories(endedHistory({ last: other })) }, io, never);
  // In the middle of the pause: from 61 s to 60 s before noon.
  expect(asked.map(({ options }) => options.sinceMs)).toEqual([noonMs - 60_500, undefined]);
});

test("withLastWords() asks a silent container once, too", async () => {
  const { io, asked } = heard("");
  const first = await withLastWords(ended, io, never);
  await withLastWords({ ...ended, histories: first }, io, never);
  expect(asked).toHaveLength(1);
});

test("withLastWords() does without a log that cannot be read", async () => {
  const io = {
    async *logs(): AsyncGenerator<Output> {
      yield said("half a line");
      throw new Error("configured logging driver does not support reading");
    },
  };
  const after = await withLastWords(ended, io, never);
  expect(after.get("app")?.ending?.message).toBe("");
});

const ending = endedHistory().ending;
const onFailure = buildPod({ spec: { restartPolicy: "OnFailure" } });

test.each([
  [
    "runs",
    { containers: [buildFact()], histories: histories({ ...endedHistory(), ending: undefined }) },
  ],
  ["was stopped as asked", { histories: histories(endedHistory({ parked: true })) }],
  ["is gone", { containers: [] }],
  [
    "ended well and may",
    {
      pod: onFailure,
      histories: histories({ ...endedHistory(), ending: ending && { ...ending, exitCode: 0 } }),
    },
  ],
  [
    "fell with its host",
    {
      histories: histories({
        ...endedHistory(),
        ending: ending && { ...ending, reason: "HostRestarted" },
      }),
    },
  ],
])("withLastWords() does not ask a container that %s", async (_why, parts) => {
  const { io, asked } = heard("unasked");
  await withLastWords({ ...ended, ...parts }, io, never);
  expect(asked).toEqual([]);
});

test("withLastWords() asks one that ended well and never should", async () => {
  const { io } = heard("done already\n");
  const well = { ...endedHistory(), ending: ending && { ...ending, exitCode: 0 } };
  const after = await withLastWords({ ...ended, histories: histories(well) }, io, never);
  expect(after.get("app")?.ending?.message).toBe("done already");
});
