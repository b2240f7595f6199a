import type { Client } from "../../api/client/client.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { isAlreadyExists, isConflict } from "../../api/machinery/errors.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";
import { type Lease, leases } from "../../api/machinery/resources.ts";
import { formatMicroTime } from "../../api/machinery/time.ts";
import type { Term } from "./fenced-client.ts";
import { planLease, type SeenLease } from "./lease-plan.ts";
import type { Log } from "./reconciler.ts";

/** Who stands for election, and where. Times are integers in milliseconds. */
export type LeaderOptions = {
  readonly client: Pick<Client, "get" | "create" | "replace">;
  readonly clock: Clock;
  readonly log: Log;
  /** The Lease that decides, e.g. `kube-system/lighthouse-controllers`. */
  readonly lease: Required<ObjectKey>;
  /** Unique per process, e.g. host name and random digits. */
  readonly identity: string;
  /** For how long others must see a lease unrenewed before they take it. Default 15 000. */
  readonly leaseMs?: number;
  /** For how long a leader that cannot renew goes on. Below `leaseMs`; default 10 000. */
  readonly renewMs?: number;
  /** Between two looks at the Lease. Default 2 000. */
  readonly retryMs?: number;
};

const defaults = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

class Elector {
  readonly #options: LeaderOptions & typeof defaults;
  #seen: SeenLease | undefined;
  #trying: Promise<unknown> = Promise.resolve();

  constructor(options: LeaderOptions) {
    this.#options = { ...defaults, ...options };
  }

  /** Waits until we lead; `undefined` when the signal aborts before. Else when the term began. */
  async acquire(signal: AbortSignal): Promise<number | undefined> {
    while (!signal.aborted) {
      const startMs = this.#options.clock.nowMs();
      if (await this.#tryToHold()) return startMs;
      await this.#sleep(this.#options.retryMs, signal);
    }
    return undefined;
  }

  /**
   * Renews until the signal aborts, another holds the Lease, or no renewal succeeded for
   * `renewMs`: at the latest then, well before others may take over, `lose` is called.
   */
  async hold(sinceMs: number, signal: AbortSignal, lose: (why: string) => void): Promise<void> {
    const { clock, renewMs, retryMs } = this.#options;
    let renewedMs = sinceMs;
    const watchdog = async (): Promise<void> => {
      // Beside the renewals, not between them: one that hangs must not keep us in office.
      while (!signal.aborted) {
        const leftMs = renewedMs + renewMs - clock.nowMs();
        if (leftMs <= 0) return lose("the lease could not be renewed in time");
        await this.#sleep(leftMs, signal);
      }
    };
    const renewals = async (): Promise<void> => {
      for (;;) {
        await this.#sleep(retryMs, signal);
        if (signal.aborted) return;
        const startMs = clock.nowMs();
        if (await this.#tryToHold()) renewedMs = startMs;
        else if (this.#isHeldByAnother()) return lose("another holds the lease");
      }
    };
    await Promise.race([Promise.all([watchdog(), renewals()]), aborted(signal)]);
  }

  /** How writes of this term are told from those of others, see `Term.fence`. */
  fence(): string {
    const { identity, lease } = this.#options;
    const { leaseTransitions = 0 } = this.#seen?.lease.spec ?? {};
    const parts = [lease.namespace, lease.name, identity, leaseTransitions];
    return parts.map(encodeURIComponent).join("/");
  }

  /** Gives the Lease back, so that a standby need not wait for its end. */
  async release(): Promise<void> {
    const { identity, log } = this.#options;
    await this.#trying; // a renewal on its way would make our write a conflict
    const lease = this.#seen?.lease;
    if (lease === undefined || lease.spec?.holderIdentity !== identity) return;
    try {
      await this.#write({
        ...lease,
        spec: { ...lease.spec, ...this.#terms(""), leaseDurationSeconds: 1 },
      });
    } catch (err) {
      log.warn({ err }, "cannot release the lease; a standby waits for its end");
    }
  }

  #isHeldByAnother(): boolean {
    const holder = this.#seen?.lease.spec?.holderIdentity ?? "";
    return holder !== "" && holder !== this.#options.identity;
  }

  /** One look and at most one write; whether we hold the Lease now. Errors count as no. */
  #tryToHold(): Promise<boolean> {
    const look = this.#look();
    this.#trying = look;
    return look;
  }

  async #look(): Promise<boolean> {
    const { client, clock, identity, lease: key, log } = this.#options;
    try {
      this.#see(await client.get(leases, key));
      const step = planLease(this.#seen, identity, clock.nowMs());
      if (step === "wait") return false;
      await (step === "create" ? this.#create() : this.#takeOrRenew(step));
      return true;
    } catch (err) {
      if (!isConflict(err) && !isAlreadyExists(err)) log.warn({ err }, "cannot reach the lease");
      return false;
    }
  }

  #see(lease: Lease | undefined): void {
    const known = this.#seen?.lease.metadata;
    const same =
      lease?.metadata.resourceVersion === known?.resourceVersion &&
      lease?.metadata.uid === known?.uid;
    if (same) return;
    this.#seen = lease && { lease, sinceMs: this.#options.clock.nowMs() };
  }

  async #create(): Promise<void> {
    const { client, lease: key, identity } = this.#options;
    const spec = { ...this.#terms(identity), acquireTime: this.#now(), leaseTransitions: 0 };
    this.#see(
      await client.create(leases, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { ...key },
        spec,
      }),
    );
  }

  async #takeOrRenew(step: "take" | "renew"): Promise<void> {
    const lease = this.#seen?.lease;
    if (lease === undefined) return;
    const taken = step === "take" && {
      acquireTime: this.#now(),
      leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1,
    };
    const spec = { ...lease.spec, ...this.#terms(this.#options.identity), ...taken };
    await this.#write({ ...lease, spec });
  }

  /** Guarded by the resourceVersion that was seen: of two that take it, one fails. */
  async #write(lease: Lease): Promise<void> {
    this.#see(await this.#options.client.replace(leases, lease));
  }

  #terms(holderIdentity: string): NonNullable<Lease["spec"]> {
    const leaseDurationSeconds = Math.ceil(this.#options.leaseMs / 1_000);
    return { holderIdentity, leaseDurationSeconds, renewTime: this.#now() };
  }

  #now(): string {
    return formatMicroTime(this.#options.clock.nowMs());
  }

  /** Sleeps; an abort only ends it early. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(ms, signal).catch((err: unknown) => {
      if (!signal.aborted) throw err;
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/**
 * Stands for election until the signal aborts, and does `work` while it leads. The signal that
 * `work` gets aborts when leadership is lost; `work` must then return soon, and is started anew
 * if we win again. On a clean stop the Lease is released. `work` is told the term, so that its
 * writes can name it and that it can end it.
 *
 * Guarantees: with clocks that run equally fast, the signals of two leaders never overlap.
 */
export async function lead(
  options: LeaderOptions,
  signal: AbortSignal,
  work: (signal: AbortSignal, term: Term) => Promise<void>,
): Promise<void> {
  const { log, identity } = options;
  while (!signal.aborted) {
    const elector = new Elector(options);
    const sinceMs = await elector.acquire(signal);
    if (sinceMs === undefined) return;
    log.info({ identity }, "started leading");
    const term = new AbortController();
    const end = (): void => term.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    const lose = (why: string): void => {
      if (term.signal.aborted) return;
      log.warn({ identity, why }, "stopped leading");
      term.abort(new Error(`Leadership lost: ${why}`));
    };
    const holding = elector.hold(sinceMs, term.signal, lose);
    const working = work(term.signal, { fence: elector.fence(), lose });
    try {
      await Promise.all([working.finally(() => term.abort()), holding]);
    } finally {
      signal.removeEventListener("abort", end);
      if (signal.aborted) await elector.release();
    }
  }
}
