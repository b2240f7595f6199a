const leap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

function daysIn(year: number, month: number): number {
  if (month === 2) return leap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined || month === undefined || day === undefined) return false;
  const inYear = Number(month) >= 1 && Number(month) <= 12;
  return inYear && Number(day) >= 1 && Number(day) <= daysIn(Number(year), Number(month));
}

/** RFC 3339, in any zone, with or without a fraction of a second. */
function isDateTime(text: string): boolean {
  const match =
    /^(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|[-+](\d\d):(\d\d))$/.exec(
      text,
    );
  const [, date = "", hour, minute, second, zoneHour = "0", zoneMinute = "0"] = match ?? [];
  if (!isDate(date)) return false;
  const within = Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60;
  return within && Number(zoneHour) < 24 && Number(zoneMinute) < 60;
}

const octet = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const ipv4 = new RegExp(`^(${octet}\\.){3}${octet}$`);

function isIpv6(text: string): boolean {
  const tail = /^(.*:)([\d.]+\.[\d.]+)$/.exec(text);
  if (tail !== null && !ipv4.test(tail[2] ?? "")) return false;
  // An embedded IPv4 address stands for two groups.
  const groups = tail === null ? text : `${tail[1]}0:0`;
  const halves = groups.split("::");
  if (halves.length > 2) return false;
  const parts = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!parts.every((part) => /^[0-9a-fA-F]{1,4}$/.test(part))) return false;
  return halves.length === 2 ? parts.length <= 7 : parts.length === 8;
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...more] = text.split("/");
  if (more.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(bits)) return false;
  return ipv4.test(address) ? Number(bits) <= 32 : isIpv6(address) && Number(bits) <= 128;
}

/** Go's duration text, which is what the format means to Kubernetes; ISO 8601 is not. */
const duration = /^[-+]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$/;
const label = "[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?";
const hostname = new RegExp(`^(?=.{1,255}$)${label}(\\.${label})*\\.?$`);
const base64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const hex = (sizes: readonly number[]): RegExp =>
  new RegExp(`^${sizes.map((size) => `[0-9a-f]{${size}}`).join("-?")}$`, "i");
const uuid = hex([8, 4, 4, 4, 12]);

const matches =
  (pattern: RegExp) =>
  (text: string): boolean =>
    pattern.test(text);

/** Nothing of a bounded form is longer, and a regular expression may fail on megabytes. */
const maxFormatted = 4_096;
const endless: ReadonlySet<string> = new Set(["byte", "uri", "email"]);

// Our own patterns, free of nested repetition, so they need no linear-time engine.
const textFormats: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ["date", isDate],
  ["date-time", isDateTime],
  ["datetime", isDateTime],
  ["duration", matches(duration)],
  ["ipv4", matches(ipv4)],
  ["ipv6", isIpv6],
  ["ip", (text: string) => ipv4.test(text) || isIpv6(text)],
  ["cidr", isCidr],
  ["mac", matches(/^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$/i)],
  ["uuid", matches(uuid)],
  ["uuid3", (text: string) => uuid.test(text) && text.replaceAll("-", "")[12] === "3"],
  ["uuid4", (text: string) => uuid.test(text) && text.replaceAll("-", "")[12] === "4"],
  ["uuid5", (text: string) => uuid.test(text) && text.replaceAll("-", "")[12] === "5"],
  ["hostname", matches(hostname)],
  ["email", matches(/^[^\s@<>,;]+@[^\s@<>,;]+$/)],
  ["uri", (text: string) => URL.canParse(text) || /^\/\S*$/.test(text)],
  ["byte", matches(base64)],
  ["hexcolor", matches(/^#?([0-9a-f]{3}|[0-9a-f]{6})$/i)],
]);

const numberRanges: ReadonlyMap<string, readonly [number, number]> = new Map([
  ["int32", [-(2 ** 31), 2 ** 31 - 1]],
  ["int64", [-(2 ** 63), 2 ** 63]],
  ["float", [-3.4028234663852886e38, 3.4028234663852886e38]],
]);

/** Tests a text against a format; `undefined` when the format is not known, hence not checked. */
export function textFormat(format: string): ((text: string) => boolean) | undefined {
  const fits = textFormats.get(format);
  if (fits === undefined || endless.has(format)) return fits;
  return (text) => text.length <= maxFormatted && fits(text);
}

/** The least and the greatest number of a format; `undefined` when it sets no bounds. */
export function numberRange(format: string): readonly [number, number] | undefined {
  return numberRanges.get(format);
}
