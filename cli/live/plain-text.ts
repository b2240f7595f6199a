import { stripVTControlCharacters } from "node:util";

/** Characters that a terminal would act on instead of showing them. */
const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** Words of a container or host as one may show them: no escape sequence of theirs reaches a terminal. */
export function harmless(text: string): string {
  return stripVTControlCharacters(text).replaceAll("\t", "  ").replaceAll(controls, "");
}

/** The last lines that are not empty, at most `count`, made harmless. */
export function lastLines(text: string, count: number): readonly string[] {
  return text
    .split(/\r?\n|\r/)
    .map((line) => harmless(line).trimEnd())
    .filter((line) => line !== "")
    .slice(-count);
}

/** Blocks of characters that take two columns: CJK, Hangul, full-width forms, emoji. */
const wide =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const marks = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Columns that a character takes on a terminal: 0, 1 or 2. */
function columnsOf(character: string): number {
  if (character < "\u0300") return 1;
  if (marks.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

/** Columns that a text without control characters takes on a terminal. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

/** `text` in at most `columns` columns; a cut one ends with "…". */
export function clip(text: string, columns: number): string {
  if (text.length * 2 <= columns || widthOf(text) <= columns) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += columnsOf(character);
    if (width > columns - 1) break;
    kept += character;
  }
  return columns <= 0 ? "" : `${kept}…`;
}
