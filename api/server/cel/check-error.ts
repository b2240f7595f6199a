/** An expression cannot be used: `line` and `column` begin with 1. */
export class CelCheckError extends Error {
  override readonly name = "CelCheckError";
  constructor(summary: string, text: string, at: number) {
    super(positioned(summary, text, at));
  }
}

/** The message as Kubernetes writes it, with the line and a mark below the place. */
function positioned(summary: string, text: string, at: number): string {
  const before = text.slice(0, at).split("\n");
  const column = before.at(-1)?.length ?? 0;
  const line = text.split("\n")[before.length - 1] ?? "";
  const mark = `${".".repeat(column)}^`;
  return `ERROR: <input>:${before.length}:${column + 1}: ${summary}\n | ${line}\n | ${mark}`;
}
