import { annotation, label } from "../../../crds/labels.ts";
import type { RolloutLine } from "../../../crds/rollout-stream.ts";
import type { Application, Rollout, RolloutWait } from "../../../crds/types.gen.ts";
import type { Pod, PodStatus } from "../../machinery/resources.ts";
import { formatTime } from "../../machinery/time.ts";
import { operationOf } from "./lines.ts";

type ContainerStatus = NonNullable<PodStatus["containerStatuses"]>[number];

/** What is said, and what it is said about: the same words are not said again. */
type Saying = { readonly about: string; readonly line: RolloutLine };

type Said = Pick<RolloutLine, "Method" | "Message" | "Code" | "Instance" | "Item" | "Time">;

const lineOf = (rollout: Rollout, said: Said): RolloutLine => ({
  Status: "Progress",
  Method: said.Method,
  Endpoint: rollout.steps?.at(-1)?.name ?? "",
  Message: said.Message,
  Code: said.Code,
  Instance: said.Instance,
  Item: said.Item,
  Total: 0,
  Operation: operationOf(rollout),
  Time: said.Time,
});

/** The number of a slot, as in the other lines; -1 for none. */
function itemOf({ instances = [] }: Rollout, slot: string | undefined): number {
  if (slot === undefined) return -1;
  return /^\d{1,9}$/.test(slot) ? Number(slot) : instances.indexOf(slot);
}

function pullsOf({ name, state }: ContainerStatus, time: string): readonly Said[] {
  const message = state?.waiting?.message ?? "";
  if (!message.startsWith("Pulling ")) return [];
  return [
    { Method: "Pull", Message: `${name}: ${message}`, Code: 0, Instance: "", Item: 0, Time: time },
  ];
}

/** The last end of a container, with its last words. */
function exitsOf({ name, state, lastState }: ContainerStatus): readonly Said[] {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended === undefined) return [];
  const { exitCode, reason = "", message = "", finishedAt = "" } = ended;
  const words = message === "" ? "" : `: ${message.trimEnd()}`;
  const why = reason === "" || reason === "Error" ? "" : ` (${reason})`;
  const Message = `${name} ended with exit code ${exitCode}${why}${words}`;
  return [{ Method: "Exit", Message, Code: exitCode, Instance: "", Item: 0, Time: finishedAt }];
}

function isConcerned({ metadata }: Pod, { revision, fromRevision }: Rollout): boolean {
  const made = metadata.labels?.[label.revision];
  const isStopped = metadata.annotations?.[annotation.desiredState] === "Stopped";
  return !isStopped && (made === revision || made === fromRevision);
}

function sayingsOfPod(rollout: Rollout, pod: Pod, now: string): readonly Saying[] {
  const { metadata, spec, status } = pod;
  const slot = metadata.annotations?.[annotation.slotNode] ?? metadata.labels?.[label.slot];
  const place = { Item: itemOf(rollout, slot), Instance: spec.nodeName ?? "" };
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.flatMap((container) =>
    [...pullsOf(container, now), ...exitsOf(container)].map((said) => ({
      about: `${said.Method} ${metadata.name} ${container.name}`,
      line: lineOf(rollout, { ...said, ...place }),
    })),
  );
}

function sayingOfWait(rollout: Rollout, wait: RolloutWait): Saying {
  const { owner, reason, message = "", slot, since } = wait;
  const Item = itemOf(rollout, slot);
  const Instance = rollout.instances?.[Item] ?? "";
  const said = { Method: "Wait", Message: `${owner}: ${message || reason}`, Code: 0, Instance };
  const line = lineOf(rollout, { ...said, Item, Time: since });
  return { about: `Wait ${owner} ${reason} ${slot ?? ""}`, line };
}

/** Tells what goes on between the lines that are on record: pulls, waits, and containers that ended. */
export interface ProgressTeller {
  /** What is news since the last call. A later reader is told of the state then, not of all of this. */
  see(application: Application | undefined, pods: readonly Pod[]): readonly RolloutLine[];
}

/** A teller that has said nothing. */
export function progressTeller(nowMs: () => number): ProgressTeller {
  const told = new Map<string, string>();
  return {
    see(application, pods) {
      const rollout = application?.status?.rollout;
      if (rollout === undefined) return [];
      const now = formatTime(nowMs());
      const sayings = [
        ...(rollout.waits ?? []).map((wait) => sayingOfWait(rollout, wait)),
        ...pods
          .filter((pod) => isConcerned(pod, rollout))
          .flatMap((pod) => sayingsOfPod(rollout, pod, now)),
      ];
      const news = sayings.filter(({ about, line }) => told.get(about) !== line.Message);
      for (const { about, line } of news) told.set(about, line.Message);
      return news.map(({ line }) => line);
    },
  };
}
