import { expect, test } from "vitest";
import type { Io } from "../command.ts";
import type { Line } from "./render.ts";
import { createScreen } from "./screen.ts";

function terminal(size: { columns: number; rows: number }) {
  let said = "";
  const io: Io = {
    out: (text) => void (said += text),
    err: () => undefined,
    isTerminal: true,
    color: false,
    size: () => size,
    env: {},
    readStdin: () => Promise.resolve(""),
    clock: { nowMs: () => 0 },
  };
  const take = (): string => {
    const text = said;
    said = "";
    return text;
  };
  return { io, take };
}

const lines = (...texts: readonly string[]): readonly Line[] => texts.map((text) => [{ text }]);

test("a screen redraws in place, hides the cursor meanwhile, and gives it back", () => {
  const { io, take } = terminal({ columns: 10, rows: 5 });
  const screen = createScreen(io);
  screen.draw(lines("one", "two"));
  expect(take()).toBe("\u001B[?2026h\u001B[?25l\r\u001B[Jone\ntwo\n\u001B[?2026l");
  screen.draw(lines("three"));
  expect(take()).toBe("\u001B[?2026h\r\u001B[2A\u001B[Jthree\n\u001B[?2026l");
  screen.end(true);
  expect(take()).toBe("\r\u001B[1A\u001B[J\u001B[?25h");
  screen.end(true);
  expect(take()).toBe("");
});

test("a screen writes nothing when nothing changed, and may leave the last block", () => {
  const { io, take } = terminal({ columns: 10, rows: 5 });
  const screen = createScreen(io);
  screen.draw(lines("one"));
  take();
  screen.draw(lines("one"));
  expect(take()).toBe("");
  screen.end(false);
  expect(take()).toBe("\u001B[?25h");
});

test("a screen finds its first line on a terminal that was made narrower", () => {
  const size = { columns: 10, rows: 9 };
  const { io, take } = terminal(size);
  const screen = createScreen(io);
  screen.draw(lines("0123456789", "ab"));
  take();
  size.columns = 4; // the first line wraps over three rows now
  screen.draw(lines("x"));
  expect(take()).toContain("\r\u001B[4A\u001B[J");
});
