import type { Pod } from "../../api/machinery/resources.ts";
import type { Engine } from "../engine/engine.ts";
import type { Inventory } from "../pods/inventory.ts";
import type { DataDelivery } from "./deliver.ts";

/** A container of a pod: its id, and its name in the pod. */
export type Receiver = { readonly id: string; readonly name: string };

/** What delivering beside the life of a container needs. */
export type DeliveryDeps = {
  readonly engine: Engine;
  readonly inventory: Inventory;
  readonly data: DataDelivery;
  /** About to wait for long: tell where things stand. */
  beforeWait(pod: Pod): Promise<void>;
};

/**
 * Brings its data to a container that was just created. One without it is not ready to start, so there
 * shall be none: it is removed when that fails.
 * @throws Error naming the URL and what is wrong
 */
export async function deliverToNew(
  pod: Pod,
  { id, name }: Receiver,
  deps: DeliveryDeps,
  signal: AbortSignal,
): Promise<void> {
  const { engine, inventory, data } = deps;
  if (!data.isDue(pod, name, id)) return;
  await deps.beforeWait(pod);
  try {
    await data.deliver(pod, name, id, signal);
  } catch (err) {
    await engine.containers.remove(id, { force: true }, signal);
    inventory.drop(id);
    throw err;
  }
}

/**
 * Brings its data to a container before its first run: an earlier agent may have ended between the create
 * and the delivery. @throws Error as {@link deliverToNew}
 */
export async function deliverLate(
  pod: Pod,
  { id, name }: Receiver,
  { engine, data }: Pick<DeliveryDeps, "engine" | "data">,
  signal: AbortSignal,
): Promise<void> {
  if (!data.isDue(pod, name, id)) return;
  const detail = await engine.containers.inspect(id, signal);
  if (detail?.state.startedAtMs === undefined) await data.deliver(pod, name, id, signal);
}
