/** How much one level may do at once, and how many may wait for it. */
export type QueueLimits = {
  /** Integer, 1 or more. A request that is wider than all of them runs alone. */
  readonly seats: number;
  /** Requests of one flow that may wait. Integer, 0 or more. */
  readonly queueLength: number;
  /** Requests of all flows together that may wait. */
  readonly queuedTotal: number;
};

/** A request that wants seats. Exactly one of its functions is called, once, unless it leaves. */
export type Waiter = {
  /** Who shares one queue: requests of one flow only ever delay each other. */
  readonly flow: string;
  /** Integer, 1 or more. */
  readonly seats: number;
  readonly start: () => void;
  readonly refuse: () => void;
};

type Flow = {
  readonly queue: Waiter[];
  /** When its next request begins, in seats given out. */
  startTag: number;
};

/**
 * Gives out the seats of one level to flows in turn (start-time fair queuing): a flow that asks
 * for much waits for itself. Pure: no clock, no promise; it calls back synchronously.
 */
export class FairQueue {
  readonly #limits: QueueLimits;
  readonly #flows = new Map<string, Flow>();
  #virtual = 0;
  #inUse = 0;
  #queued = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Seats that are taken. */
  get inUse(): number {
    return this.#inUse;
  }

  /** Requests that wait. */
  get queued(): number {
    return this.#queued;
  }

  /** Takes in a request: it starts, waits or is refused before this returns. */
  offer(waiter: Waiter): void {
    const flow = this.#flow(waiter.flow);
    if (flow.queue.length === 0) flow.startTag = Math.max(flow.startTag, this.#virtual);
    flow.queue.push(waiter);
    this.#queued += 1;
    this.#dispatch();
    if (flow.queue.length > this.#limits.queueLength) this.#refuseLast(flow);
    else if (this.#queued > this.#limits.queuedTotal) this.#refuseLast(this.#longest(flow));
  }

  /** Gives back the seats of a request that had started. */
  release({ seats }: Waiter): void {
    this.#inUse -= seats;
    this.#dispatch();
    if (this.#inUse > 0 || this.#queued > 0) return;
    // Nobody is owed anything: names of flows do not pile up.
    this.#flows.clear();
    this.#virtual = 0;
  }

  /** A request that waits goes away; `false`: it does not wait. */
  leave(waiter: Waiter): boolean {
    const queue = this.#flows.get(waiter.flow)?.queue;
    const index = queue?.indexOf(waiter) ?? -1;
    if (queue === undefined || index < 0) return false;
    queue.splice(index, 1);
    this.#queued -= 1;
    this.#dispatch();
    return true;
  }

  #flow(name: string): Flow {
    let flow = this.#flows.get(name);
    if (flow === undefined) {
      flow = { queue: [], startTag: this.#virtual };
      this.#flows.set(name, flow);
    }
    return flow;
  }

  #dispatch(): void {
    for (;;) {
      const flow = this.#next();
      const head = flow?.queue[0];
      // The next in turn is waited for: narrow requests do not overtake a wide one for ever.
      if (flow === undefined || head === undefined || !this.#fits(head)) return;
      flow.queue.shift();
      this.#queued -= 1;
      this.#inUse += head.seats;
      this.#virtual = flow.startTag;
      flow.startTag += head.seats;
      head.start();
    }
  }

  #fits({ seats }: Waiter): boolean {
    return this.#inUse === 0 || this.#inUse + seats <= this.#limits.seats;
  }

  #next(): Flow | undefined {
    if (this.#queued === 0) return undefined;
    let first: Flow | undefined;
    for (const flow of this.#flows.values()) {
      if (flow.queue.length === 0) continue;
      if (first === undefined || flow.startTag < first.startTag) first = flow;
    }
    return first;
  }

  #longest(latest: Flow): Flow {
    let longest = latest;
    for (const flow of this.#flows.values()) {
      if (flow.queue.length > longest.queue.length) longest = flow;
    }
    return longest;
  }

  #refuseLast(flow: Flow): void {
    const last = flow.queue.pop();
    if (last === undefined) return;
    this.#queued -= 1;
    last.refuse();
  }
}
