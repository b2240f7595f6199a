/** Something that goes wrong, for tests of those who talk to an engine. */
export type Fault = {
  /** Which requests: tried against e.g. `POST /containers/web/start`, without version and query. */
  readonly on: RegExp;
  /** How many requests it hits; default: 1. */
  readonly times?: number;
  /** `refuse` answers with `status` and `message`; `hang` never answers; `cut` breaks the connection
   * after half an answer; `drop` breaks it before. */
  readonly kind: "refuse" | "hang" | "cut" | "drop";
  readonly status?: number;
  readonly message?: string;
};

/** What an engine is asked to do, as far as {@link OperationFault} can tell it apart. */
const operations = ["pull", "create", "start", "stop", "kill", "remove"] as const;

/** One of the operations that an {@link OperationFault} can concern. */
export type OperationName = (typeof operations)[number];

/**
 * An operation that goes wrong on the containers of somebody:
 *
 * ```ts
 * const on = { [containerLabel.podName]: "web-0-2" };
 * const fault = simulated.fail({ operation: "start", labels: on, nth: 2, how: "hang" });
 * await fault.hit; // the second start of web-0-2 hangs now
 * fault.release(); // the engine comes round and does it, whether or not anybody still waits
 *
 * simulated.fail({ operation: "create", labels: on, how: "killEngine", when: "after" });
 * // the container is made, nobody hears of it, and the socket is gone until `simulated.start()`
 * ```
 */
export type OperationFault = {
  readonly operation: OperationName;
  /** Only on containers with all these labels, which for a create are those asked for. Has no say
   * over pulls, which concern no container yet: see `image`. Default: every container. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Of a pull and a create: only of image references that it matches. Default: every image. */
  readonly image?: RegExp;
  /** The first call to hit among those that match, counted from now. Integer from 1; default: 1. */
  readonly nth?: number;
  /** How many calls in a row it hits. Integer or Infinity; default: 1. */
  readonly times?: number;
  /** `error` refuses; `hang` does not answer until {@link Injected.release}; `killEngine` cuts every
   * connection and stops listening, containers go on; `killHost` ends the containers, too. */
  readonly how: "error" | "hang" | "killEngine" | "killHost";
  /** `after`: the engine has done it, and only the answer is lost. Default: `before`. A pull knows
   * only `before`, since it answers while it goes on. */
  readonly when?: "before" | "after";
  /** Of an `error`: HTTP status, default 500, and the engine's words. */
  readonly status?: number;
  readonly message?: string;
};

/** A fault that was ordered. */
export type Injected = {
  /** Calls that it has hit so far. */
  hits(): number;
  /** Resolves when its first hit has its effect: the call hangs, or the engine is gone. */
  readonly hit: Promise<void>;
  /** Lets hanging calls go on, those of the past and those to come. */
  release(): void;
  /** It hits nothing more; what hangs goes on hanging. */
  withdraw(): void;
};

/** One call of the engine's API that can go wrong. */
export type Operation = {
  readonly name: OperationName;
  /** Labels of its container; none for a pull. */
  readonly labels: Readonly<Record<string, string>>;
  /** Reference of the image, where the call names one, else empty. */
  readonly image: string;
};

/** What befalls a call. */
export type Mishap = {
  readonly fault: OperationFault;
  /** Resolves when a hanging call may go on. */
  readonly released: Promise<void>;
  /** To be called when it has its effect. */
  readonly strike: () => void;
};

/** The faults still to come. */
export type Faults = {
  inject(fault: Fault): void;
  /** Takes the fault that hits this request, counting it; `undefined` when none does. */
  take(request: string): Fault | undefined;
  fail(fault: OperationFault): Injected;
  /** Whether any operation can still go wrong. */
  armed(): boolean;
  /** Takes what befalls this operation; it counts for every fault that it matches. */
  befall(operation: Operation): Mishap | undefined;
};

type Order = {
  readonly fault: OperationFault;
  readonly released: Promise<void>;
  readonly onHit: () => void;
  /** Calls that matched. */
  seen: number;
  hits: number;
  withdrawn: boolean;
};

function isMeant({ fault }: Order, operation: Operation): boolean {
  const { labels = {}, image } = fault;
  if (fault.operation !== operation.name) return false;
  if (image !== undefined && !image.test(operation.image)) return false;
  if (operation.name === "pull") return true;
  return Object.entries(labels).every(([key, value]) => operation.labels[key] === value);
}

const lastOf = ({ nth = 1, times = 1 }: OperationFault): number => nth + times - 1;

function isPending({ fault, seen, withdrawn }: Order): boolean {
  return !withdrawn && seen < lastOf(fault);
}

/** Counts the call; whether the fault hits it. */
function strikes(order: Order): boolean {
  const { fault } = order;
  order.seen += 1;
  return order.seen >= (fault.nth ?? 1) && order.seen <= lastOf(fault);
}

function orderOf(fault: OperationFault): { readonly order: Order; readonly injected: Injected } {
  const released = Promise.withResolvers<void>();
  const hit = Promise.withResolvers<void>();
  const order: Order = {
    fault,
    released: released.promise,
    onHit: hit.resolve,
    seen: 0,
    hits: 0,
    withdrawn: false,
  };
  const injected: Injected = {
    hits: () => order.hits,
    hit: hit.promise,
    release: released.resolve,
    withdraw: () => {
      order.withdrawn = true;
    },
  };
  return { order, injected };
}

/** An empty list of faults. */
export function createFaults(): Faults {
  const pending: { readonly fault: Fault; left: number }[] = [];
  const orders: Order[] = [];
  return {
    inject: (fault) => {
      pending.push({ fault, left: fault.times ?? 1 });
    },
    take: (request) => {
      const found = pending.find(({ fault, left }) => left > 0 && fault.on.test(request));
      if (found === undefined) return undefined;
      found.left -= 1;
      return found.fault;
    },
    fail: (fault) => {
      const { order, injected } = orderOf(fault);
      orders.push(order);
      return injected;
    },
    armed: () => orders.some(isPending),
    befall: (operation) => {
      const meant = orders.filter((order) => isPending(order) && isMeant(order, operation));
      const [struck] = meant.filter(strikes);
      if (struck === undefined) return undefined;
      struck.hits += 1;
      return { fault: struck.fault, released: struck.released, strike: struck.onHit };
    },
  };
}
