import type { KubeObject } from "../machinery/object.ts";
import type { List, WatchFrame } from "./client.ts";

/** What a reflector does next: list, or watch from a position. */
export type ReflectorState = {
  readonly phase: "listing" | "watching";
  /** Where to watch from; empty while listing. */
  readonly resourceVersion: string;
  /** Failures in a row. Integer, 0 or more; the shell turns it into a wait. */
  readonly failures: number;
  /** Whether to back off before the next call. */
  readonly wait: boolean;
  /** Whether the watch that is open brought anything. */
  readonly heard: boolean;
};

/**
 * What happened to the call that the state asked for. `expired`: the position is no longer in the
 * history. `lost`: no server, or one that is overloaded. `refused`: it answered with an error.
 */
export type ReflectorInput<T extends KubeObject> =
  | { readonly type: "listed"; readonly list: List<T> }
  | { readonly type: "frame"; readonly frame: WatchFrame<T> }
  | { readonly type: "closed"; readonly openMs: number }
  | { readonly type: "failed"; readonly why: "expired" | "lost" | "refused" };

/** What the cache must do. */
export type ReflectorEvent<T extends KubeObject> =
  | { readonly type: "replace"; readonly objects: readonly T[] }
  | { readonly type: "put" | "remove"; readonly object: T };

/** Knows nothing yet. */
export const startListing: ReflectorState = {
  phase: "listing",
  resourceVersion: "",
  failures: 0,
  wait: false,
  heard: false,
};

/** A watch that brings nothing and ends sooner was no quiet one: do not reopen it in a busy loop. */
const shortWatchMs = 1_000;

type Stepped<T extends KubeObject> = readonly [
  events: readonly ReflectorEvent<T>[],
  state: ReflectorState,
];

function onFrame<T extends KubeObject>(state: ReflectorState, frame: WatchFrame<T>): Stepped<T> {
  const heard = { ...state, failures: 0, wait: false, heard: true };
  if (frame.type === "BOOKMARK") return [[], { ...heard, resourceVersion: frame.resourceVersion }];
  const { type, object } = frame;
  const event = { type: type === "DELETED" ? "remove" : "put", object } as const;
  return [[event], { ...heard, resourceVersion: object.metadata.resourceVersion }];
}

function onFailure(state: ReflectorState, why: "expired" | "lost" | "refused"): ReflectorState {
  const failed = { ...state, failures: state.failures + 1, wait: true, heard: false };
  // The position is still good when nobody answered; any other answer doubts it.
  if (why === "lost") return failed;
  const relist = { ...failed, phase: "listing", resourceVersion: "" } as const;
  // The first relist is the cure; only one that does not cure must wait.
  return why === "expired" ? { ...relist, wait: state.failures > 0 } : relist;
}

/**
 * The whole policy of keeping a cache equal to the server's state: pure, so that it can be tested
 * against every order of frames, closes and failures. A quiet close resumes at once from the
 * last position, an expired position lists again, everything else backs off.
 */
export function step<T extends KubeObject>(
  state: ReflectorState,
  input: ReflectorInput<T>,
): Stepped<T> {
  switch (input.type) {
    case "listed": {
      const { items, resourceVersion } = input.list;
      const watching = { ...state, phase: "watching", resourceVersion, wait: false } as const;
      return [[{ type: "replace", objects: items }], { ...watching, heard: false }];
    }
    case "frame":
      return onFrame(state, input.frame);
    case "closed": {
      const quiet = state.heard || input.openMs >= shortWatchMs;
      const failures = quiet ? 0 : state.failures + 1;
      return [[], { ...state, failures, wait: !quiet, heard: false }];
    }
    case "failed":
      return [[], onFailure(state, input.why)];
  }
}
