import { expect, test } from "vitest";
import type { StreamName } from "./container-log.ts";
import { startProcess } from "./process.ts";
import { findProgram } from "./shell.ts";

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

async function sh(script: string, input?: string): Promise<Ran> {
  const out: Record<StreamName, string> = { stdout: "", stderr: "" };
  const program = findProgram("/bin/sh");
  if (program === undefined) throw new Error("there is no shell");
  const around = {
    argv: input === undefined ? ["sh", "-c", script] : ["sh"],
    env: { NAME: "web" },
    hostname: "host",
    files: new Map<string, Buffer>(),
    write: (stream: StreamName, text: string | Uint8Array) => {
      out[stream] += Buffer.from(text as Uint8Array).toString();
    },
    serve: () => Promise.resolve(),
  };
  const running = startProcess(program, around, true);
  running.stdin.end(input ?? "");
  return { code: await running.ended, ...out };
}

test.each([
  ["echo one; echo two >&2", 0, "one\n", "two\n"],
  ["false && echo no || echo yes", 0, "yes\n", ""],
  ["true || echo no; exit 7; echo never", 7, "", ""],
  ["exit 300", 44, "", ""],
  ["echo $NAME \"${NAME}s\" '$NAME'", 0, "web webs $NAME\n", ""],
  ["test -e /f || touch /f && test -e /f && rm /f; [ ! -e /f ] && echo gone", 0, "gone\n", ""],
  ["no-such", 127, "", "sh: no-such: not found\n"],
  ["cat /none", 1, "", "cat: can't open '/none': No such file or directory\n"],
  ["[ a = b ]", 1, "", ""],
])("sh -c %j ends with %i", async (script, code, stdout, stderr) => {
  expect(await sh(script)).toEqual({ code, stdout, stderr });
});

test("sh reads commands from its input until it ends", async () => {
  expect(await sh("", "echo one\nhostname\nfalse\n")).toEqual({
    code: 1,
    stdout: "one\nhost\n",
    stderr: "",
  });
});

test("startProcess() ends on SIGKILL whatever the program does, on SIGTERM with a handler", async () => {
  const around = {
    argv: [],
    env: {},
    hostname: "",
    files: new Map<string, Buffer>(),
    write: () => undefined,
    serve: () => Promise.resolve(),
  };
  const forever = (): Promise<number> => new Promise(() => undefined);
  const stubborn = startProcess(forever, around, false);
  stubborn.signal("TERM");
  stubborn.signal("9");
  expect(await stubborn.ended).toBe(137);
  const polite = startProcess(forever, around, true);
  polite.signal("15");
  expect(await polite.ended).toBe(0);
});
