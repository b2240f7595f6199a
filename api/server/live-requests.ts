import { isForbidden, isUnauthorized, StatusError } from "../machinery/errors.ts";
import type { User } from "./access.ts";
import type { Request } from "./http.ts";
import { beginSlice, turnOf } from "./objects/slices.ts";

/** Requests that go on for long: watches, logs that are followed, shells, proxies. */
export interface LiveRequests {
  /**
   * Aborts when the server stops, or when the request would be refused now: the reason is then the
   * StatusError that says so. From the first call on the request counts as one that goes on.
   */
  endingOf(request: Request): AbortSignal;
  /** How many changes there were: a request notes it when it is judged. */
  readonly changes: number;
  /** Forgets a request that was answered. */
  forget(request: Request): void;
  /**
   * Judges all of them again, soon: something has changed that rights depend on. `concerns` says whose;
   * absent: everybody's.
   */
  reconsider(concerns?: (user: User) => boolean): void;
  /** Ends all of them, and every later one. */
  stop(): void;
}

/** What judging again needs. */
export type LiveRequestsOptions = {
  /** @throws StatusError `Unauthorized` or `Forbidden` when the request would be refused now */
  readonly judge: (request: Request) => Promise<void>;
  /** Changes that come together are one; in milliseconds. */
  readonly quietMs?: number;
};

/** Judging takes at most this part of the time: the rest between two passes is so much longer. */
const restFactor = 9;
const quietMs = 50;

const serverStops = new Error("the server stops");

/** Why a request that went on was ended, for whoever sent it. */
export function endText({ reason }: AbortSignal): string {
  return reason instanceof StatusError ? reason.message : serverStops.message;
}

/** The refusal that ended a request; `undefined` when nothing was taken away. */
export function lostRight({ aborted, reason }: AbortSignal): StatusError | undefined {
  return aborted && reason instanceof StatusError ? reason : undefined;
}

class Live implements LiveRequests {
  readonly #options: LiveRequestsOptions;
  readonly #open = new Map<Request, AbortController>();
  #changes = 0;
  #timer: NodeJS.Timeout | undefined;
  #passing = false;
  #again = false;
  #stopped = false;
  #restMs: number;

  constructor(options: LiveRequestsOptions) {
    this.#options = options;
    this.#restMs = options.quietMs ?? quietMs;
  }

  get changes(): number {
    return this.#changes;
  }

  endingOf(request: Request): AbortSignal {
    const known = this.#open.get(request);
    if (known !== undefined) return known.signal;
    const ending = new AbortController();
    this.#open.set(request, ending);
    if (this.#stopped) ending.abort(serverStops);
    // What changed between the judgement and now was asked about before this one was here.
    if (request.judgedAt !== this.#changes) this.#schedule();
    return ending.signal;
  }

  forget(request: Request): void {
    this.#open.delete(request);
  }

  reconsider(concerns?: (user: User) => boolean): void {
    this.#changes += 1;
    if (concerns === undefined ? this.#open.size > 0 : this.#hasOne(concerns)) this.#schedule();
  }

  #hasOne(concerns: (user: User) => boolean): boolean {
    for (const { user } of this.#open.keys()) {
      if (concerns(user) || (user.actor !== undefined && concerns(user.actor))) return true;
    }
    return false;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const ending of this.#open.values()) ending.abort(serverStops);
  }

  #schedule(): void {
    if (this.#stopped) return;
    if (this.#passing) this.#again = true;
    else this.#timer ??= setTimeout(() => void this.#pass(), this.#restMs); // never rejects
    this.#timer?.unref();
  }

  async #pass(): Promise<void> {
    this.#timer = undefined;
    this.#passing = true;
    const slice = beginSlice();
    let spentMs = 0;
    let begun = performance.now();
    for (const [request, ending] of this.#open) {
      await this.#judge(request, ending);
      if (!slice.spent()) continue;
      spentMs += performance.now() - begun;
      await turnOf();
      begun = performance.now();
      slice.restart();
    }
    spentMs += performance.now() - begun;
    this.#restMs = Math.max(this.#options.quietMs ?? quietMs, spentMs * restFactor);
    this.#passing = false;
    if (!this.#again) return;
    this.#again = false;
    this.#schedule();
  }

  async #judge(request: Request, ending: AbortController): Promise<void> {
    if (ending.signal.aborted) return;
    try {
      await this.#options.judge(request);
    } catch (err) {
      if (isUnauthorized(err) || isForbidden(err)) return ending.abort(err);
      // Nobody can tell at the moment, e.g. without the store: asked again, and not ended meanwhile.
      this.#again = true;
    }
  }
}

/**
 * Knows the requests that go on, and ends those that were allowed and would be refused now. A pass over
 * all of them follows a change by a moment, and passes take at most a tenth of the time.
 */
export function liveRequests(options: LiveRequestsOptions): LiveRequests {
  return new Live(options);
}
