import { tooManyRequests } from "../../machinery/errors.ts";

/** How many connections may be taken over from HTTP at once: of one user, and in all. */
export type StreamLimits = { readonly perUser: number; readonly all: number };

const defaultLimits: StreamLimits = { perUser: 500, all: 2_000 };
const retrySeconds = 10;

/** The connections of one server that were taken over from HTTP and are open. */
export class OpenStreams {
  readonly #limits: StreamLimits;
  readonly #byUser = new Map<string, number>();
  #all = 0;

  constructor(limits = defaultLimits) {
    this.#limits = limits;
  }

  /** @throws StatusError `TooManyRequests` when the user, or everybody together, has enough of them */
  check(user: string): void {
    const { perUser, all } = this.#limits;
    const own = this.#byUser.get(user) ?? 0;
    if (own >= perUser)
      throw tooManyRequests(
        `Cannot open a stream: user "${user}" has ${own} open, limit ${perUser}`,
        retrySeconds,
      );
    if (this.#all >= all)
      throw tooManyRequests(
        `Cannot open a stream: the server carries ${this.#all}, limit ${all}`,
        retrySeconds,
      );
  }

  /** Counts one until the returned function is called; further calls do nothing. */
  enter(user: string): () => void {
    this.#change(user, 1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#change(user, -1);
    };
  }

  #change(user: string, by: 1 | -1): void {
    this.#all += by;
    const own = (this.#byUser.get(user) ?? 0) + by;
    if (own === 0) this.#byUser.delete(user);
    else this.#byUser.set(user, own);
  }
}
