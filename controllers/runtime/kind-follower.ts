import type { Client } from "../../api/client/client.ts";
import type { Indexes } from "../../api/client/informer.ts";
import { type Backoff, backoffMs } from "../../api/client/backoff.ts";
import { createInformer } from "../../api/client/shared-informer.ts";
import type { Clock } from "../../api/machinery/clock.ts";
import { resourceText, type ResourceType } from "../../api/machinery/gvk.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import type { Resource } from "../../api/machinery/resources.ts";
import { discoverKinds, type ServedKind } from "./discovery.ts";
import type { Controller, Follow, Followed, Log, Source } from "./reconciler.ts";

/** Kinds that come and go with the server's CustomResourceDefinitions. */
export interface KindFollower {
  /** For {@link Controller.findSources}. */
  readonly findSources: NonNullable<Controller["findSources"]>;
  /** A followed kind by its resource text, e.g. `pods` or `applications.lighthouse.dev`. */
  kind(resource: string): FollowedKind | undefined;
  /** All that are followed now. */
  kinds(): readonly FollowedKind[];
  /** Whether every kind was found and read once: what is not there does not exist. */
  isComplete(): boolean;
}

/** A kind that is read, and its objects. */
export type FollowedKind = Followed & { readonly type: ResourceType };

/** Which kinds to follow, and what their changes mean. */
export type KindFollowerOptions = {
  readonly client: Pick<Client, "raw" | "list" | "watch">;
  readonly clock: Clock;
  readonly log: Log;
  readonly wants: (kind: ServedKind) => boolean;
  readonly sourceOf: (type: ResourceType) => Source;
  readonly indexes?: Indexes<KubeObject>;
};

const definitions: Resource<KubeObject> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

const retries: Backoff = { baseMs: 500, maxMs: 15_000 };

class Follower implements KindFollower {
  readonly #options: KindFollowerOptions;
  readonly #followed = new Map<string, FollowedKind>();
  #discovered = false;
  /** Counts changes of the definitions, so that none is lost while discovery runs. */
  #changes = 0;
  #wake = (): void => undefined;

  constructor(options: KindFollowerOptions) {
    this.#options = options;
  }

  kind(resource: string): FollowedKind | undefined {
    return this.#followed.get(resource);
  }

  kinds(): readonly FollowedKind[] {
    return [...this.#followed.values()];
  }

  isComplete(): boolean {
    return this.#discovered && this.kinds().every(({ isSynced }) => isSynced());
  }

  readonly findSources = async (follow: Follow, signal: AbortSignal): Promise<void> => {
    const { client, clock, log } = this.#options;
    const informer = createInformer({ client, clock, log, type: definitions });
    informer.onChange(() => {
      this.#changes += 1;
      this.#wake();
    });
    signal.addEventListener("abort", () => this.#wake(), { once: true });
    const watching = informer.run(signal);
    let failures = 0;
    while (!signal.aborted) {
      const seen = this.#changes;
      try {
        this.#update(await discoverKinds(client, signal), follow);
        failures = 0;
        await this.#changed(seen, signal);
      } catch (err) {
        if (signal.aborted) break;
        failures += 1;
        log.warn({ err }, "cannot discover the kinds that are served");
        await clock
          .sleep(backoffMs(retries, failures, Math.random()), signal)
          .catch(() => undefined);
      }
    }
    await watching;
  };

  async #changed(seen: number, signal: AbortSignal): Promise<void> {
    while (this.#changes === seen && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #update(served: readonly ServedKind[], follow: Follow): void {
    const { wants, sourceOf, indexes } = this.#options;
    const wanted = new Map(
      served.filter(wants).map(({ verbs: _verbs, ...type }) => [resourceText(type), type]),
    );
    for (const [resource, { stop, type }] of this.#followed) {
      if (wanted.get(resource)?.version === type.version) continue;
      stop();
      this.#followed.delete(resource);
    }
    for (const [resource, type] of wanted) {
      if (this.#followed.has(resource)) continue;
      this.#followed.set(resource, { ...follow(sourceOf(type), indexes), type });
    }
    this.#discovered = true;
  }
}

/** Follows nothing until its `findSources` runs. */
export function createKindFollower(options: KindFollowerOptions): KindFollower {
  return new Follower(options);
}
