// Integer arithmetic on the proleptic Gregorian calendar: this folder reads no clock and knows no
// zone, and the global Date offers both.

const dayMs = 86_400_000;
/** Days of 400 years, after which the calendar repeats. */
const eraDays = 146_097;
/** From 0000-03-01, the first day of the first era, to 1970-01-01. */
const epochDays = 719_468;

type CivilDate = { readonly year: number; readonly month: number; readonly day: number };

// Years begin in March here, so that the leap day is the last one.
function toCivil(days: number): CivilDate {
  const shifted = days + epochDays;
  const era = Math.floor(shifted / eraDays);
  const ofEra = shifted - era * eraDays;
  const leaps =
    Math.floor(ofEra / 1460) - Math.floor(ofEra / 36_524) + Math.floor(ofEra / (eraDays - 1));
  const yearOfEra = Math.floor((ofEra - leaps) / 365);
  const leapsBefore = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const ofYear = ofEra - 365 * yearOfEra - leapsBefore;
  const fromMarch = Math.floor((5 * ofYear + 2) / 153);
  const day = ofYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  const month = (fromMarch + 2) % 12;
  return { year: yearOfEra + era * 400 + (month < 2 ? 1 : 0), month: month + 1, day };
}

function fromCivil({ year, month, day }: CivilDate): number {
  const ofMarch = month <= 2 ? year - 1 : year;
  const era = Math.floor(ofMarch / 400);
  const yearOfEra = ofMarch - era * 400;
  const ofYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * eraDays + yearOfEra * 365 + leaps + ofYear - epochDays;
}

const pad = (value: number, width: number): string => String(value).padStart(width, "0");

function toSeconds(ms: number): string {
  const { year, month, day } = toCivil(Math.floor(ms / dayMs));
  const seconds = Math.floor((ms - Math.floor(ms / dayMs) * dayMs) / 1000);
  const time = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = time.map((part) => pad(part, 2)).join(":");
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day, 2)}T${shown}`;
}

/** metav1.Time of milliseconds since the epoch, cut to seconds: `2026-11-21T09:30:00Z`. */
export function formatTime(ms: number): string {
  return `${toSeconds(ms)}Z`;
}

/** metav1.MicroTime of milliseconds since the epoch: `2026-11-21T09:30:00.250000Z`. */
export function formatMicroTime(ms: number): string {
  const whole = Math.floor(ms);
  return `${toSeconds(whole)}.${pad(whole - Math.floor(whole / 1000) * 1000, 3)}000Z`;
}

const rfc3339 =
  /^(\d{4})-(\d{2})-(\d{2})[Tt]([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9})\d*)?(?:[Zz]|([+-]\d{2}):(\d{2}))$/;

/** Milliseconds since the epoch of an RFC 3339 text, finer digits cut; `undefined` if it is none. */
export function parseTime(text: string): number | undefined {
  const match = rfc3339.exec(text);
  if (match === null) return undefined;
  const part = (index: number): number => Number(match[index] ?? 0);
  const date = { year: part(1), month: part(2), day: part(3) };
  const days = fromCivil(date);
  const back = toCivil(days);
  // A day that the month does not have comes back as another one.
  if (back.month !== date.month || back.day !== date.day) return undefined;
  const zone = match[8] ?? "+00";
  const offsetMinutes = Number(zone) * 60 + part(9) * (zone.startsWith("-") ? -1 : 1);
  const seconds = part(4) * 3600 + (part(5) - offsetMinutes) * 60 + part(6);
  const fraction = (match[7] ?? "").padEnd(3, "0").slice(0, 3);
  return days * dayMs + seconds * 1000 + Number(fraction);
}

/**
 * A duration in milliseconds as `kubectl get` shows ages: two units at most, fewer as it grows.
 * `5m30s`, `3h`, `2d5h`. Clocks that differ by a second are forgiven; more is `<invalid>`.
 */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 120) return `${Math.max(seconds, 0)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, "m", seconds % 60, "s");
  if (minutes < 180) return `${minutes}m`;
  return longDuration(Math.floor(minutes / 60), minutes % 60);
}

function longDuration(hours: number, minutes: number): string {
  if (hours < 8) return withRest(hours, "h", minutes, "m");
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return withRest(days, "d", hours % 24, "h");
  if (days < 730) return `${days}d`;
  const years = Math.floor(days / 365);
  return years < 8 ? withRest(years, "y", days % 365, "d") : `${years}y`;
}

function withRest(amount: number, unit: string, rest: number, smaller: string): string {
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${smaller}`;
}
