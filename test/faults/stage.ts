import type { Injected, OperationFault } from "../../agent/simulated/faults.ts";
import type { ContainerState } from "../../agent/simulated/simulated-engine.ts";
import type { OwnedClient } from "../../api/client/create-client.ts";
import { leases, nodes } from "../../api/machinery/resources.ts";
import { eventually } from "../kit/eventually.ts";
import type { Ledger } from "./ledger.ts";

/** The connection of a part to the API server. */
export interface Cable {
  /** `reset` ends every connection and refuses new ones; `silent` lets nothing through, as a cable
   * that is pulled out. */
  cut(how: "reset" | "silent"): void;
  /** Lets everything through again. */
  mend(): void;
}

/** A process of its own, or what passes for one. */
export interface Part extends AsyncDisposable {
  readonly link: Cable;
  /** As SIGKILL: from now on nobody hears anything of it. */
  kill(): void;
}

/** An engine that can be made to fail. */
export interface FaultyEngine {
  /** What its agent asked so far, e.g. `POST /containers/web/start`. */
  readonly requests: readonly string[];
  fail(fault: OperationFault): Injected;
  /** Keeps every request waiting, as SIGSTOP does. */
  freeze(): void;
  thaw(): void;
  /** Ends without a word; where it can, without its containers. */
  stop(): Promise<void>;
  /** Ends without a word, and its containers with it. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** Ends a container as if by itself. */
  exit(id: string, code: number): void;
  containers(): readonly ContainerState[];
}

/** An API server that can be killed and started again over what it had stored. */
export interface FaultyApi {
  kill(): void;
  start(): Promise<void>;
  /** Calls `act` when somebody deletes the pod of this name in namespace `default`, and where it can
   * before the server has heard it all. */
  onDelete(pod: string, act: () => Promise<void>): void;
}

/** One Docker host with its agent, which may be replaced by the next one. */
export type Host = {
  readonly name: string;
  readonly engine: FaultyEngine;
  /** Id of the container that is not ours. */
  readonly foreign: string;
  agent: Part;
};

/** How fast things go. */
export type Pace = {
  /** Real milliseconds for milliseconds of the world's own clock. */
  realMs(ms: number): number;
  /** Real milliseconds that are waited for what takes `ms` by the world's clock at the worst. */
  patienceMs(ms: number): number;
  /** How long a fault lasts in the first, middle and last slot, by the world's clock: hardly noticed,
   * noticed, and longer than what it interrupts. */
  readonly faultMs: readonly [number, number, number];
  /** Longer than a Node may be silent, by the world's clock. */
  readonly silenceMs: number;
  /** `monitorSeconds`, and the same where a fault must not outlast it. */
  readonly monitorSeconds: number;
  readonly longMonitorSeconds: number;
};

/** Three hosts, an API server, controllers: each can be cut off and killed by itself. */
export type World = AsyncDisposable & {
  readonly pace: Pace;
  readonly api: FaultyApi;
  readonly hosts: readonly Host[];
  readonly ledger: Ledger;
  /** Of the test itself: it reaches the API server whenever one runs. */
  readonly client: OwnedClient;
  /** Those that lead, or stand for it. */
  controllers: Part;
  containers(): readonly ContainerState[];
  /** The image of a version, 1 or 2. */
  imageOf(application: string, version: number): string;
  /** Who holds the Lease of the controllers. */
  leader(): Promise<string>;
  /** Starts the next agent of a host; the one before should be dead. */
  replaceAgent(host: Host): Promise<void>;
  /** Starts the next controllers; those before, dead or alive, are the answer. */
  replaceControllers(): Promise<Part>;
};

/** Who leads the controllers is written into this Lease. */
const lease = { namespace: "kube-system", name: "lighthouse-controllers" };

/** Who holds the Lease of the controllers; empty when nobody does. */
export async function leaderOf(client: OwnedClient): Promise<string> {
  return (await client.get(leases, lease))?.spec?.holderIdentity ?? "";
}

/** Waits until so many Nodes are Ready. @throws Error when it takes too long */
export async function untilReady(client: OwnedClient, count: number): Promise<void> {
  await eventually(
    `${count} Nodes are Ready`,
    async () => {
      const { items } = await client.list(nodes);
      const ready = items.filter(({ status }) =>
        status?.conditions?.some((one) => one.type === "Ready" && one.status === "True"),
      );
      return ready.length === count;
    },
    { timeoutMs: 30_000 },
  );
}
