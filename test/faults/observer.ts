import { createInformer } from "../../api/client/shared-informer.ts";
import type { OwnedClient } from "../../api/client/create-client.ts";
import { applications } from "../../api/machinery/resources.ts";
import type { Application, RolloutPhase } from "../../crds/types.gen.ts";
import { fastClock } from "./fast-clock.ts";
import { logOf } from "./parts.ts";

/** What was seen of one Application over time. */
export interface Story {
  /** Phases in their order, without repetitions. */
  readonly phases: readonly RolloutPhase[];
  /** The newest version. */
  readonly latest: Application | undefined;
  /** Resolves as soon as one of the phases is seen after the first `from` of {@link phases}.
   * @throws Error when the signal aborts before */
  until(phases: readonly RolloutPhase[], from: number, signal: AbortSignal): Promise<void>;
}

/** Follows every Application, whatever becomes of the API server. */
export interface Observer extends AsyncDisposable {
  story(name: string): Story;
}

class Tale implements Story {
  readonly phases: RolloutPhase[] = [];
  latest: Application | undefined;
  readonly #listeners = new Set<() => void>();

  take(application: Application): void {
    this.latest = application;
    const phase = application.status?.rollout?.phase;
    if (phase !== undefined && phase !== this.phases.at(-1)) this.phases.push(phase);
    for (const listener of this.#listeners) listener();
  }

  until(phases: readonly RolloutPhase[], from: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#listeners.delete(look);
        signal.removeEventListener("abort", giveUp);
      };
      const look = (): void => {
        if (!this.phases.slice(from).some((phase) => phases.includes(phase))) return;
        end();
        resolve();
      };
      const giveUp = (): void => {
        end();
        const now = this.phases.join(", ");
        reject(new Error(`Waited in vain for ${phases.join(" or ")}, seen: ${now}`));
      };
      this.#listeners.add(look);
      signal.addEventListener("abort", giveUp, { once: true });
      look();
    });
  }
}

/** Begins to follow. */
export function startObserver(client: OwnedClient): Observer {
  const tales = new Map<string, Tale>();
  const story = (name: string): Tale => {
    const tale = tales.get(name) ?? new Tale();
    tales.set(name, tale);
    return tale;
  };
  const end = new AbortController();
  const informer = createInformer({
    client,
    type: applications,
    clock: fastClock,
    log: logOf("observer"),
  });
  informer.onChange((change) => {
    if (change.type !== "deleted") story(change.after.metadata.name).take(change.after);
  });
  const running = informer.run(end.signal);
  return {
    story,
    async [Symbol.asyncDispose]() {
      end.abort();
      await running;
    },
  };
}
