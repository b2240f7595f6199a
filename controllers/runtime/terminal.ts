/** An error that trying again will not cure, such as a spec that contradicts itself. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/**
 * Stops the retries of a reconcile; a change of its object starts them again. Whoever throws it
 * has told the user in a condition.
 */
export function terminal(cause: unknown): TerminalError {
  return new TerminalError(cause instanceof Error ? cause.message : String(cause), { cause });
}

/** By name, not instanceof: a duplicate of this module must match too. */
export function isTerminal(err: unknown): boolean {
  return err instanceof Error && err.name === "TerminalError";
}
