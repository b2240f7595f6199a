import { destination, type Logger, pino } from "pino";
import { type Flags, text } from "../command.ts";

/** A logger to standard error, one JSON object a line; standard output is for results. */
export function openLog(flags: Flags, level: string): Logger {
  return pino(
    {
      level: text(flags, "log-level") ?? level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    destination({ dest: 2, sync: true }),
  );
}
