import type { Clock } from "../machinery/clock.ts";
import type { App } from "./http.ts";
import { openPki, type Pki } from "./pki.ts";

/** What a log must offer here. */
type Log = { info(fields: object, text: string): void; error(fields: object, text: string): void };

/** What keeping certificates fresh needs. */
export type Renewal = {
  readonly app: App;
  readonly directory: string;
  readonly names: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Called with the new certificates, e.g. to write kubeconfigs again. */
  readonly onRenewed: (pki: Pki) => Promise<void>;
};

const halfDayMs = 43_200_000;

/** What TLS takes: PEM texts. */
export type TlsMaterial = { readonly key: string; readonly cert: string; readonly ca: string };

/** The part of our certificates that a listener needs. */
export function tlsMaterial({ serving, authority }: Pki): TlsMaterial {
  return { key: serving.key, cert: serving.certificate, ca: authority };
}

const holders = ["serving", "admin", "controllers", "agent"] as const;

function sameCertificates(left: Pki, right: Pki): boolean {
  return holders.every((holder) => left[holder].certificate === right[holder].certificate);
}

async function renewOnce({ app, directory, names, clock, log, onRenewed }: Renewal, old: Pki) {
  try {
    const pki = await openPki({ directory, names, beacon: old.beacon, nowMs: clock.nowMs() });
    if (sameCertificates(pki, old)) return old;
    if ("setSecureContext" in app.server && typeof app.server.setSecureContext === "function") {
      app.server.setSecureContext(tlsMaterial(pki)); // open connections keep the old one
    }
    await onRenewed(pki);
    log.info({ names }, "renewed certificates");
    return pki;
  } catch (err) {
    log.error({ err }, "cannot renew certificates");
    return old;
  }
}

/** Renews certificates twice a day, in time for each, until `signal` aborts. */
export async function keepFresh(renewal: Renewal, first: Pki, signal: AbortSignal): Promise<void> {
  let pki = first;
  while (!signal.aborted) {
    try {
      await renewal.clock.sleep(halfDayMs, signal);
    } catch {
      return; // aborted: that is how this ends
    }
    pki = await renewOnce(renewal, pki);
  }
}
