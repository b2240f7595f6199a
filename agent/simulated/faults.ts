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

/** The faults still to come. */
export type Faults = {
  inject(fault: Fault): void;
  /** Takes the fault that hits this request, counting it; `undefined` when none does. */
  take(request: string): Fault | undefined;
};

/** An empty list of faults. */
export function createFaults(): Faults {
  const pending: { readonly fault: Fault; left: number }[] = [];
  return {
    inject: (fault) => {
      pending.push({ fault, left: fault.times ?? 1 });
    },
    take: (request) => {
      const hit = pending.find(({ fault, left }) => left > 0 && fault.on.test(request));
      if (hit === undefined) return undefined;
      hit.left -= 1;
      return hit.fault;
    },
  };
}
