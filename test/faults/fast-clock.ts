import type { Clock } from "../../api/machinery/clock.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";

/** How many times as fast as the real one the clock of a simulated world runs; less on a busy machine. */
export const haste = Number(process.env["FAULTS_HASTE"] ?? "10");

const startMs = Date.now();

/** Real milliseconds for milliseconds of the fast clock. */
export const realMs = (ms: number): number => Math.ceil(ms / haste);

/**
 * The time of a simulated world: leases, back-offs, probes and deadlines keep the proportions they
 * have in the product, and take a tenth of the time.
 */
export const fastClock: Clock = {
  nowMs: () => startMs + (Date.now() - startMs) * haste,
  sleep: (ms, signal) => systemClock.sleep(realMs(ms), signal),
};
