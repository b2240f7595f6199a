import type { Io } from "../command.ts";
import { paint } from "../output.ts";
import { widthOf } from "./plain-text.ts";
import type { Line, Size } from "./render.ts";

const hideCursor = "\u001B[?25l";
const showCursor = "\u001B[?25h";
const clearBelow = "\u001B[J";
// A terminal that knows synchronized output shows a block at once; others ignore the marks.
const beginUpdate = "\u001B[?2026h";
const endUpdate = "\u001B[?2026l";

/** A block of lines at the bottom of a terminal that is redrawn in place. */
export interface Screen {
  /** Puts these lines where the last ones were. */
  draw(lines: readonly Line[]): void;
  /** Takes the block away if `clear`, and gives the cursor back. It may be called again. */
  end(clear: boolean): void;
}

/** Rows that lines take on a terminal that wraps them. */
function rowsOf(lines: readonly Line[], { columns }: Size): number {
  return lines.reduce((sum, line) => {
    const width = line.reduce((total, { text }) => total + widthOf(text), 0);
    return sum + Math.max(1, Math.ceil(width / columns));
  }, 0);
}

/** The size of the terminal now; what is unknown is taken for 80 by 24. */
export function sizeOf(io: Io): Size {
  const { columns = 80, rows = 24 } = io.size?.() ?? {};
  return { columns: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/** A line as text, in colours on terminals that show them. */
export function paintLine(io: Io, line: Line): string {
  return line
    .map(({ text, style }) => (style === undefined ? text : paint(io, style, text)))
    .join("");
}

/** A screen on the terminal of `io`. */
export function createScreen(io: Io): Screen {
  let drawn: readonly Line[] = [];
  let last = "";
  let isOpen = false;
  // The terminal may be narrower than when the block was drawn: then its lines wrap.
  const back = (): string => {
    const rows = rowsOf(drawn, sizeOf(io));
    return rows === 0 ? "\r" : `\r\u001B[${rows}A`;
  };
  return {
    draw(lines) {
      const text = lines.map((line) => `${paintLine(io, line)}\n`).join("");
      if (text === last && isOpen) return;
      const start = isOpen ? "" : hideCursor;
      io.out(`${beginUpdate}${start}${back()}${clearBelow}${text}${endUpdate}`);
      isOpen = true;
      drawn = lines;
      last = text;
    },
    end(clear) {
      if (!isOpen) return;
      io.out(`${clear ? `${back()}${clearBelow}` : ""}${showCursor}`);
      isOpen = false;
      drawn = [];
      last = "";
    },
  };
}
