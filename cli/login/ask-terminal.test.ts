import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { askTerminal } from "./ask-terminal.ts";

const never = new AbortController().signal;

/** A terminal whose person types. */
function open() {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const shown: string[] = [];
  output.on("data", (chunk: Buffer) => shown.push(chunk.toString()));
  return { ask: askTerminal(input, output), input, output, text: () => shown.join("") };
}

test("askTerminal() shows what is typed, but nothing of what is hidden", async () => {
  const { ask, input, text } = open();
  const name = ask("Name: ", { signal: never });
  input.write("ann\r");
  expect(await name).toBe("ann");
  const secret = ask("Password: ", { hidden: true, signal: never });
  input.write("vio\u007flet tram\r");
  expect(await secret).toBe("vilet tram");
  expect(text()).toContain("ann");
  expect(text()).toMatch(/Password: [^a-z]*\n$/);
});

test("askTerminal() ends with the signal, and with the input", async () => {
  const first = open();
  const stop = new AbortController();
  const asked = first.ask("Name: ", { signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
  const second = open();
  const unanswered = second.ask("Name: ", { signal: never });
  second.input.end();
  await expect(unanswered).rejects.toThrow("Input ended before the answer");
});
