import { badRequest } from "../../machinery/errors.ts";
import { formatTime, parseTime } from "../../machinery/time.ts";

/** Fields of type MicroTime: the published schemas do not tell them from Time. */
const microTimes = new Set(["acquireTime", "eventTime", "lastObservedTime", "renewTime"]);

const fraction = /\.(\d+)/;

/**
 * A time as it is stored: whole seconds, or exactly six more digits for a MicroTime; in UTC.
 * `path` names the field, e.g. `spec.renewTime`.
 * @throws StatusError `BadRequest` when it is no RFC 3339 time
 */
export function readTime(text: string, path: string): string {
  const micro = microTimes.has(path.slice(path.lastIndexOf(".") + 1));
  const ms = parseTime(text);
  if (ms === undefined) {
    const layout = micro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00";
    const shown = JSON.stringify(text);
    throw badRequest(`parsing time ${shown} as "${layout}": cannot parse field ${path}`);
  }
  const seconds = formatTime(ms);
  if (!micro) return seconds;
  const digits = (fraction.exec(text)?.[1] ?? "").padEnd(6, "0").slice(0, 6);
  return `${seconds.slice(0, -1)}.${digits}Z`;
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Bytes as they are sent: base64, line breaks ignored. @throws StatusError `BadRequest` */
export function readBytes(text: string): string {
  const joined = text.replaceAll(/[\r\n]/g, "");
  if (base64.test(joined)) return joined;
  const good = /^[A-Za-z0-9+/]*/.exec(joined)?.[0].length ?? 0;
  throw badRequest(`illegal base64 data at input byte ${good - (good % 4)}`);
}
