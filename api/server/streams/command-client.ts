import type { Readable, Writable } from "node:stream";
import { badRequest, type StatusError } from "../../machinery/errors.ts";
import { toStatus } from "../../machinery/status.ts";
import type { TerminalSize } from "../pods/pod-streams.ts";

/** What a client of exec or attach asks for. */
export type CommandRequest = {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
};

/** How a command ended. */
export type Outcome =
  | { readonly kind: "exit"; readonly code: number }
  /** It could not be run, or was lost. */
  | { readonly kind: "failure"; readonly error: StatusError };

/** The client of one command, whatever carries its streams. */
export interface CommandClient {
  /** Ends when the client has no more input; absent if it sends none. */
  readonly stdin: Readable | undefined;
  /** Absent if it is not wanted. Writing waits for the client. */
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Aborts when the connection is gone. */
  readonly gone: AbortSignal;
  /** Calls back with each size of the client's terminal, the last one first if there was one. */
  onResize(listener: (size: TerminalSize) => void): void;
  /** Sends how it ended, after all output, and closes. */
  end(outcome: Outcome): Promise<void>;
  /** Closes without an outcome, for a reason of the server's own. */
  abandon(why: string): Promise<void>;
}

/** The end of a command as a JSON Status, the form of protocols from v4 on. */
export function outcomeStatus(outcome: Outcome): object {
  if (outcome.kind === "failure") return toStatus(outcome.error);
  const { code } = outcome;
  if (code === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: "NonZeroExitCode",
    // kubectl ends with this code.
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}

/** The end of a command before v4: nothing, or the text of an error. */
export function outcomeText(outcome: Outcome): string {
  if (outcome.kind === "failure") return outcome.error.message;
  const { code } = outcome;
  return code === 0 ? "" : `command terminated with non-zero exit code: exit status ${code}`;
}

const maxSide = 65_535;

/**
 * `{"Width":80,"Height":24}` as a size; `undefined` for anything that is no size of a terminal. Names in
 * whatever case, as Go reads them: client-node writes small letters.
 */
function sizeOf(text: string): TerminalSize | undefined {
  try {
    const fields = Object.entries(JSON.parse(text) as object);
    const { width: columns, height: rows } = Object.fromEntries(
      fields.map(([name, value]: [string, unknown]) => [name.toLowerCase(), value]),
    );
    const isSide = (side: unknown): side is number =>
      Number.isInteger(side) && (side as number) >= 1 && (side as number) <= maxSide;
    return isSide(columns) && isSide(rows) ? { columns, rows } : undefined;
  } catch {
    return undefined; // a broken size is no reason to end a session
  }
}

const maxSizeText = 1_024;

/** Sizes out of a channel: JSON objects one after the other, in whatever pieces they come. */
export class Sizes {
  #text = "";
  #last: TerminalSize | undefined;
  #listener: ((size: TerminalSize) => void) | undefined;

  /** Takes a piece of the channel. */
  read(bytes: Uint8Array): void {
    this.#text = (this.#text + Buffer.from(bytes).toString("latin1")).slice(-maxSizeText);
    for (let end = this.#text.indexOf("}"); end >= 0; end = this.#text.indexOf("}")) {
      const size = sizeOf(this.#text.slice(0, end + 1));
      this.#text = this.#text.slice(end + 1);
      if (size === undefined) continue;
      this.#last = size;
      this.#listener?.(size);
    }
  }

  /** Tells the last size, if there was one, and all that follow. */
  listen(listener: (size: TerminalSize) => void): void {
    this.#listener = listener;
    if (this.#last !== undefined) listener(this.#last);
  }
}

/** @throws StatusError `BadRequest` for a command whose streams nobody wants */
export function checkStreams({ stdin, stdout, stderr }: CommandRequest): void {
  if (!stdin && !stdout && !stderr)
    throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
}
