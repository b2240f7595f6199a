import { compareQuantities, formatQuantity, parseQuantity } from "../../api/machinery/quantity.ts";
import type { Quantity } from "../../api/machinery/quantity.ts";
import type { BeaconSpec, Offer } from "../../crds/types.gen.ts";

type Labels = Readonly<Record<string, string>>;
type Amounts = Readonly<Record<string, string>>;

/** What the owner of the hosts says about them. */
export type Offers = Pick<BeaconSpec, "offer" | "offers" | "storage">;

/** The offer that holds for a Node of these labels: single fields of a host's own one count first. */
export function offerFor(spec: Offers, labels: Labels): Offer {
  const own = (spec.offers ?? []).find(({ matchLabels }) =>
    Object.entries(matchLabels).every(([name, value]) => labels[name] === value),
  );
  return { ...spec.offer, ...own?.offer };
}

type Field = "cpu" | "memory" | "ephemeralStorage";

/** Resource of a Node to the field of an offer. */
const fields: Readonly<Record<string, Field>> = {
  cpu: "cpu",
  memory: "memory",
  "ephemeral-storage": "ephemeralStorage",
};

const oneCpu = 1_000_000_000n;

function quantityOf(value: string | number | undefined): Quantity | undefined {
  return value === undefined ? undefined : parseQuantity(value);
}

function lent(total: Quantity, offer: Offer, field: Field): Quantity {
  const reserved = quantityOf(offer.reserved?.[field])?.nanos ?? 0n;
  // Where CPUs are given away whole, one is left for all others, whoever reserves none.
  const isStatic = field === "cpu" && offer.cpuManagerPolicy === "Static";
  const kept = isStatic && reserved < oneCpu ? oneCpu : reserved;
  const left = { ...total, nanos: total.nanos > kept ? total.nanos - kept : 0n };
  const offered = quantityOf(offer[field]);
  return offered === undefined || compareQuantities(left, offered) < 0 ? left : offered;
}

/**
 * What may be asked for on a Node: never more than it has, whatever was offered. What nobody can
 * measure from here, such as the disk of a machine elsewhere, is as the owner says.
 */
export function allocatableOf(capacity: Amounts, offer: Offer): Amounts {
  const amounts: Record<string, string> = { ...capacity };
  for (const [name, field] of Object.entries(fields)) {
    const total = quantityOf(capacity[name]) ?? quantityOf(offer[field]);
    if (total !== undefined) amounts[name] = formatQuantity(lent(total, offer, field));
  }
  const pods = Number(capacity["pods"] ?? "0");
  return { ...amounts, pods: String(Math.min(pods, offer.pods ?? pods)) };
}
