import { parseQuantity } from "../../api/machinery/quantity.ts";
import { parseTime } from "../../api/machinery/time.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf } from "../pods/containers.ts";
import { askedState, isFinished } from "../pods/desired.ts";

/** In billionths, by resource. */
type Amounts = ReadonlyMap<string, bigint>;

const limited = ["cpu", "memory", "ephemeral-storage"] as const;

function nanosOf(quantity: unknown): bigint {
  return parseQuantity((quantity ?? "0") as string)?.nanos ?? 0n;
}

/** What a pod is promised: the sum of its containers, or one init container that needs more. */
function requestsOf({ spec }: Pod): Amounts {
  const members = membersOf(spec);
  return new Map(
    limited.map((name) => {
      const asked = (role: string): bigint[] =>
        members
          .filter((member) => member.role === role)
          .map(({ spec: { resources } }) =>
            nanosOf(resources?.requests?.[name] ?? resources?.limits?.[name]),
          );
      const running = [...asked("main"), ...asked("sidecar")].reduce((sum, one) => sum + one, 0n);
      const most = asked("init").reduce((max, one) => (one > max ? one : max), 0n);
      return [name, most > running ? most : running];
    }),
  );
}

const bornMs = ({ metadata }: Pod): number => parseTime(metadata.creationTimestamp) ?? 0;

/** A pod that has no room, and what it is short of. */
export type Surplus = { readonly pod: Pod; readonly resource: string };

/**
 * The pods that do not fit into what a Node lends out any more, the newest of all: those that came
 * first stay. A pod that asks for nothing of a resource is not in the way of others for it.
 */
export function surplusPods(
  pods: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
): readonly Surplus[] {
  const left = new Map<string, bigint>(
    Object.entries(allocatable).map(([name, text]) => [name, nanosOf(text)]),
  );
  const placed = pods.filter((pod) => !isFinished(pod) && askedState(pod) === "Running");
  const inOrder = placed.toSorted(
    (a, b) => bornMs(a) - bornMs(b) || (a.metadata.uid < b.metadata.uid ? -1 : 1),
  );
  const surplus: Surplus[] = [];
  for (const pod of inOrder) {
    const asked = new Map([...requestsOf(pod), ["pods", 1_000_000_000n] as const]);
    // What the Node does not tell, nobody can run out of.
    const short = [...asked].find(
      ([name, nanos]) => nanos > 0n && nanos > (left.get(name) ?? nanos),
    );
    if (short !== undefined) surplus.push({ pod, resource: short[0] });
    else for (const [name, rest] of left) left.set(name, rest - (asked.get(name) ?? 0n));
  }
  return surplus;
}
