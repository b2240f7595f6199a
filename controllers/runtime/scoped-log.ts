import { AsyncLocalStorage } from "node:async_hooks";
import type { Log } from "./reconciler.ts";

const scope = new AsyncLocalStorage<object>();

/** Runs `work` so that every line that a {@link scopedLog} writes in it carries `fields`. */
export function withLogFields<T>(fields: object, work: () => T): T {
  return scope.run({ ...scope.getStore(), ...fields }, work);
}

/** The same log, with the fields of the scope that a line is written in. */
export function scopedLog(log: Log): Log {
  const merged = (fields: object): object => ({ ...scope.getStore(), ...fields });
  return {
    debug: (fields, message) => log.debug(merged(fields), message),
    info: (fields, message) => log.info(merged(fields), message),
    warn: (fields, message) => log.warn(merged(fields), message),
    error: (fields, message) => log.error(merged(fields), message),
  };
}
