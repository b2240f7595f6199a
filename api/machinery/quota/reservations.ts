import { isJsonObject } from "../equality.ts";
import { type RawUsage, readUsage, type Usage, writeUsage } from "./usage.ts";

/**
 * What is taken of a quota for objects that are about to be stored, by their uid. The API server adds to it
 * in the same write as to `status.used`; the quota controller takes away what it can count.
 */
export type Reservations = ReadonlyMap<string, Reservation>;

/** One object that is about to be stored. */
export type Reservation = {
  /** When it was let through, in milliseconds since the epoch. */
  readonly atMs: number;
  readonly usage: Usage;
};

/** The annotation of a ResourceQuota that holds its reservations, as JSON. */
export const reservationsAnnotation = "lighthouse.dev/quota-reservations";

/** What is not stored after this time never will be. Milliseconds. */
export const reservationMs = 60_000;

function reservationOf(value: unknown): Reservation | undefined {
  if (!isJsonObject(value)) return undefined;
  const { at, used } = value;
  if (typeof at !== "number" || !isJsonObject(used)) return undefined;
  return { atMs: at, usage: readUsage(used as RawUsage) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // somebody wrote there: the next count puts it right
  }
}

/** Reads the annotation; entries that are none are left out. */
export function readReservations(text: string | undefined): Reservations {
  const value = parsed(text ?? "{}");
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return new Map(
    entries.flatMap(([uid, entry]) => {
      const reservation = reservationOf(entry);
      return reservation === undefined ? [] : [[uid, reservation] as const];
    }),
  );
}

/** The inverse; `undefined` when there is nothing to hold. */
export function writeReservations(reservations: Reservations): string | undefined {
  if (reservations.size === 0) return undefined;
  const entries = [...reservations].map(
    ([uid, { atMs, usage }]) => [uid, { at: atMs, used: writeUsage(usage) }] as const,
  );
  return JSON.stringify(Object.fromEntries(entries));
}

/** Those that may still become objects. */
export function withoutExpired(reservations: Reservations, nowMs: number): Reservations {
  return new Map([...reservations].filter(([, { atMs }]) => atMs + reservationMs > nowMs));
}
