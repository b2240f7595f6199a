import { isConflict, StatusError } from "../../api/machinery/errors.ts";
import { containerLabel } from "../../crds/labels.ts";
import type { Engine } from "../engine/engine.ts";
import type { NetworkDetail } from "../engine/network-types.ts";
import { defaultRange, freeSubnet } from "./subnets.ts";

/**
 * The networks of one engine's pods: a bridge per namespace, made when the first container of the
 * namespace comes and removed when the last one goes. Docker lets nothing pass between bridges, so
 * tenants cannot reach each other (ADR 24).
 */
export interface PodNetworks {
  /** What the network of a namespace is called, whether it is there or not. */
  nameOf(namespace: string): string;
  /**
   * Does work that needs the network of a namespace, which is there by then and stays until its end.
   *
   * @throws StatusError `AlreadyExists` when somebody else's network has its name, or what the engine
   * says when it cannot make it; then the work was not begun.
   */
  within<T>(namespace: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** It seems to be gone: look before the next use. People may run `docker network prune`. */
  doubt(namespace: string): void;
  /** Removes the network if no container of the namespace is left. */
  release(namespace: string, signal: AbortSignal): Promise<void>;
  /** Removes all of ours without a container, as a crash leaves them. */
  sweep(signal: AbortSignal): Promise<void>;
}

/** What the networks of an engine rest on. */
export type PodNetworksOptions = {
  readonly engine: Pick<Engine, "networks" | "endpoint">;
  /** Differs between engines. */
  readonly engineId: string;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  /** Where subnets are cut from, e.g. `10.76.0.0/14`; `undefined` for the default. */
  range(): string | undefined;
  /** IPv4 networks that the host has routes to, as far as they are known. */
  routes(): Promise<readonly string[]>;
  /** Whether the namespace has a container here. */
  isUsed(namespace: string): boolean;
};

/** Somebody else may take the subnet between look and create. */
const attempts = 8;

/** Options of Docker's default bridge that the owner of the host has set and that must hold for ours. */
const inherited = [
  "com.docker.network.driver.mtu",
  "com.docker.network.bridge.enable_ip_masquerade",
  "com.docker.network.bridge.host_binding_ipv4",
] as const;

function optionsLike(all: readonly NetworkDetail[]): Readonly<Record<string, string>> {
  const model = all.find(({ name, driver }) => name === "bridge" && driver === "bridge");
  const same = inherited.flatMap((key) => {
    const value = model?.options[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return { ...Object.fromEntries(same), "com.docker.network.bridge.enable_icc": "true" };
}

/** Lets each caller wait for those before it, per name. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>();
  return async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const before = last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    last.set(name, mine);
    try {
      return await mine;
    } finally {
      if (last.get(name) === mine) last.delete(name);
    }
  };
}

class EnginePodNetworks implements PodNetworks {
  readonly #options: PodNetworksOptions;
  readonly #inTurn = createTurns();
  /** Names of networks that were there when we looked. */
  readonly #known = new Set<string>();
  /** Namespaces with work going on, and how much. */
  readonly #busy = new Map<string, number>();

  constructor(options: PodNetworksOptions) {
    this.#options = options;
  }

  nameOf(namespace: string): string {
    const cluster = this.#options.cluster.replaceAll("-", "").slice(0, 8);
    return `lh_${namespace}_${cluster}`;
  }

  async within<T>(namespace: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#count(namespace, 1);
    try {
      await this.#ensure(namespace, signal);
      return await work();
    } finally {
      this.#count(namespace, -1);
    }
  }

  #count(namespace: string, change: 1 | -1): void {
    const count = (this.#busy.get(namespace) ?? 0) + change;
    if (count === 0) this.#busy.delete(namespace);
    else this.#busy.set(namespace, count);
  }

  #isUsed(namespace: string): boolean {
    return this.#busy.has(namespace) || this.#options.isUsed(namespace);
  }

  doubt(namespace: string): void {
    this.#known.delete(this.nameOf(namespace));
  }

  #isOurs({ labels }: NetworkDetail): boolean {
    const { cluster } = this.#options;
    const isNetwork = labels[containerLabel.podNamespace] !== undefined;
    return labels[containerLabel.cluster] === cluster && isNetwork;
  }

  async #ensure(namespace: string, signal: AbortSignal): Promise<void> {
    const name = this.nameOf(namespace);
    if (this.#known.has(name)) return;
    await this.#inTurn(name, async () => {
      if (this.#known.has(name)) return;
      const { networks } = this.#options.engine;
      const all = await networks.list(signal);
      const same = all.filter((one) => one.name === name);
      if (same.length > 0 && !same.some((one) => this.#isOurs(one))) throw clash(name);
      if (same.length === 0) await this.#create(namespace, all, signal);
      this.#known.add(name);
    });
  }

  async #create(
    namespace: string,
    all: readonly NetworkDetail[],
    signal: AbortSignal,
  ): Promise<void> {
    const { engine, engineId, cluster } = this.#options;
    const name = this.nameOf(namespace);
    const labels = {
      [containerLabel.cluster]: cluster,
      [containerLabel.podNamespace]: namespace,
    };
    const spec = { name, labels, options: optionsLike(all) };
    const taken = [...all.flatMap(({ subnets }) => subnets), ...(await this.#options.routes())];
    const from = this.#options.range() ?? defaultRange;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const subnet = freeSubnet(from, taken, `${engineId}/${namespace}`);
      if (subnet === undefined) break;
      try {
        await engine.networks.create({ ...spec, subnet }, signal);
        return;
      } catch (err) {
        if (!isConflict(err)) throw err;
        taken.push(subnet); // by a network that came since, or one that only the host knows of
      }
    }
    await engine.networks.create(spec, signal).catch((err: unknown) => {
      throw exhausted(from, err);
    });
  }

  async release(namespace: string, signal: AbortSignal): Promise<void> {
    if (this.#isUsed(namespace)) return;
    const all = await this.#options.engine.networks.list(signal);
    await this.#remove(
      all.filter((one) => this.#isFree(one, namespace)),
      signal,
    );
  }

  #isFree(network: NetworkDetail, namespace?: string): boolean {
    const own = network.labels[containerLabel.podNamespace] ?? "";
    if (!this.#isOurs(network) || this.#isUsed(own)) return false;
    return namespace === undefined || namespace === own;
  }

  async #remove(networks: readonly NetworkDetail[], signal: AbortSignal): Promise<void> {
    await Promise.all(
      networks.map((network) =>
        this.#inTurn(network.name, async () => {
          if (!this.#isFree(network)) return; // somebody came while we waited for our turn
          this.#known.delete(network.name);
          await this.#options.engine.networks.remove(network.id, signal).catch((err: unknown) => {
            // Somebody joined a container of their own: it is not ours to part them.
            if (!isConflict(err)) throw err;
          });
        }),
      ),
    );
  }

  async sweep(signal: AbortSignal): Promise<void> {
    const all = await this.#options.engine.networks.list(signal);
    const names = new Set(all.filter((one) => this.#isOurs(one)).map(({ name }) => name));
    for (const name of this.#known) if (!names.has(name)) this.#known.delete(name);
    await this.#remove(
      all.filter((one) => this.#isFree(one)),
      signal,
    );
  }
}

function clash(name: string): StatusError {
  const said = `Cannot create network ${name}: Lighthouse did not make the one of that name that is there`;
  return new StatusError("AlreadyExists", `${said}; remove it with "docker network rm ${name}"`, {
    details: { kind: "networks", name },
  });
}

/** Neither our range nor the engine's own pools have room. */
function exhausted(range: string, err: unknown): unknown {
  if (!(err instanceof StatusError) || !/available.*address pool/i.test(err.message)) return err;
  const advice = `no subnet of ${range} is free on the host; set another range in spec.networkRange of the Beacon`;
  return new StatusError(err.reason, `${err.message}, and ${advice}`, {
    cause: err,
    ...(err.details === undefined ? {} : { details: err.details }),
  });
}

/** The networks of an engine's pods, of which nothing is known yet. */
export function createPodNetworks(options: PodNetworksOptions): PodNetworks {
  return new EnginePodNetworks(options);
}
