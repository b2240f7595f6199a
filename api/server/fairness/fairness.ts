import { tooManyRequests } from "../../machinery/errors.ts";
import type { App, Request, Reply } from "../http.ts";
import type { Scope } from "../objects/call.ts";
import { FairQueue, type Waiter } from "./fair-queue.ts";
import { isLongRunning, type Level, levels, type Place, placeOf } from "./levels.ts";
import { widthOf } from "./width.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Gives back the seats early, e.g. once a watch has begun; may be called any number of times. */
    releaseSeats?: () => void;
  }
}

/** What is going on in one level, for the metrics. */
type LevelState = {
  readonly level: Level;
  readonly seatsInUse: number;
  readonly queued: number;
  readonly dispatched: number;
  readonly refused: number;
  /** Sum over all that were dispatched, in seconds. */
  readonly waitedSeconds: number;
};

/** Tells how full the levels are. */
export interface FairnessStates {
  states(): readonly LevelState[];
}

/** Lets no client take more than its share. */
export interface Fairness extends FairnessStates {
  /** Guards all routes of this app; must come after authentication. */
  guard(app: App): void;
}

/** How patient the rule is: defaults suit the product, tests shrink them. */
export type FairnessOptions = {
  /** A request waits so long for its turn, in milliseconds, and is then refused with 429. */
  readonly maxWaitMs?: number;
  /** Seats are free again after so long: what lasts longer waits for its client or the store. */
  readonly maxHoldMs?: number;
  readonly levels?: Readonly<Record<string, Level>>;
  readonly placeOf?: typeof placeOf;
};

type Lane = { readonly queue: FairQueue; dispatched: number; refused: number; waitedMs: number };

/** Builds the rule for one server. */
export function fairness(scope: Scope, options: FairnessOptions = {}): Fairness {
  const { maxWaitMs = 15_000, maxHoldMs = 10_000, placeOf: place = placeOf } = options;
  const lanes = new Map<Level, Lane>();
  for (const level of Object.values(options.levels ?? levels)) {
    lanes.set(level, { queue: new FairQueue(level), dispatched: 0, refused: 0, waitedMs: 0 });
  }
  return {
    guard(app) {
      app.decorateRequest("releaseSeats");
      app.addHook("onRequest", (request, { raw }, done) => {
        const { level } = place(request.user, request.info);
        raw.setHeader("x-kubernetes-pf-flowschema-uid", level.uid);
        raw.setHeader("x-kubernetes-pf-prioritylevel-uid", level.uid);
        done();
      });
      // After the body is there: a client that sends it slowly holds no seats.
      app.addHook("preHandler", async (request, reply) => {
        if (isLongRunning(request.info) && request.info.verb !== "watch") return;
        const where = place(request.user, request.info);
        const lane = lanes.get(where.level);
        const seats = widthOf(scope, request.info, request.query as Parameters<typeof widthOf>[2]);
        if (lane === undefined) return;
        await enter(lane, { ...where, seats, maxWaitMs, maxHoldMs }, request, reply);
      });
    },
    states: () =>
      [...lanes].map(([level, { queue, dispatched, refused, waitedMs }]) => ({
        level,
        seatsInUse: queue.inUse,
        queued: queue.queued,
        dispatched,
        refused,
        waitedSeconds: waitedMs / 1_000,
      })),
  };
}

type Want = Place & {
  readonly seats: number;
  readonly maxWaitMs: number;
  readonly maxHoldMs: number;
};

/** Resolves when the request may go on. @throws StatusError `TooManyRequests` */
async function enter(
  lane: Lane,
  { flow, seats, maxWaitMs, maxHoldMs }: Want,
  request: Request,
  { raw }: Reply,
): Promise<void> {
  const begun = performance.now();
  await new Promise<void>((resolve, reject) => {
    let late: NodeJS.Timeout | undefined;
    const refuse = (): void => {
      clearTimeout(late);
      lane.refused += 1;
      reject(tooManyRequests("Too many requests, please try again later", 1));
    };
    const start = (): void => {
      clearTimeout(late);
      lane.dispatched += 1;
      lane.waitedMs += performance.now() - begun;
      const release = once(() => {
        clearTimeout(held); // or it would keep the whole request in memory until then
        lane.queue.release(waiter);
      });
      const held = setTimeout(release, maxHoldMs).unref();
      request.releaseSeats = release;
      raw.once("finish", release).once("close", release);
      resolve();
    };
    const waiter: Waiter = { flow, seats, start, refuse };
    lane.queue.offer(waiter);
    if (request.releaseSeats !== undefined) return;
    // A client that has gone does not wait: its handler would work for nobody.
    const giveUp = (): void => {
      if (lane.queue.leave(waiter)) refuse();
    };
    late = setTimeout(giveUp, maxWaitMs);
    raw.once("close", giveUp);
  });
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}
