import type { Readable } from "node:stream";

/** Longer commands say no more of who did what. Characters. */
const maxLength = 1_024;

/** The command of a body that prepares an exec, word by word as JSON; its environment is left out. */
export function execCommandOf(path: string, body: Readable | Buffer): string | undefined {
  if (!/\/containers\/[^/]+\/exec$/.test(path) || !Buffer.isBuffer(body)) return undefined;
  try {
    const { Cmd: words } = JSON.parse(body.toString()) as { readonly Cmd?: unknown };
    return words === undefined ? undefined : JSON.stringify(words).slice(0, maxLength);
  } catch {
    return undefined; // no JSON: the policy for bodies refuses it
  }
}
