import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { Ask } from "../command.ts";

/** Asks people on a terminal. What is typed at a hidden question is not shown, not even its length. */
export function askTerminal(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Ask {
  return (question, { hidden = false, signal }) =>
    new Promise((resolve, reject) => {
      let isMuted = false;
      const shown = new Writable({
        write(chunk: Buffer, _encoding, done) {
          if (!isMuted) output.write(chunk);
          done();
        },
      });
      const lines = createInterface({ input, output: shown, terminal: true, historySize: 0 });
      const end = (): void => {
        signal.removeEventListener("abort", abort);
        lines.close();
        if (hidden) output.write("\n");
      };
      const abort = (): void => {
        reject(signal.reason as Error);
        end();
      };
      signal.addEventListener("abort", abort, { once: true });
      // The terminal is in raw mode: nobody but us turns Ctrl-C into a signal.
      lines.on("SIGINT", () => process.kill(process.pid, "SIGINT"));
      lines.on("close", () => reject(new Error("Input ended before the answer")));
      lines.question(question, (answer) => {
        resolve(answer);
        end();
      });
      isMuted = hidden;
    });
}
