/** What the main process of an image's containers does. Absent fields: it runs until it is stopped. */
export type Behaviour = {
  /** Ends by itself. */
  readonly exit?: { readonly code: number; readonly afterMs?: number };
  /** Answers HTTP on its ports with this text. Without it nothing listens. */
  readonly serve?: string;
  /** Lines that it writes to stderr at its start. */
  readonly complaint?: string;
  /** How many CPUs it keeps busy; default 0.001. */
  readonly cpus?: number;
  /** Its working set, in bytes; default 3 MiB. */
  readonly memoryBytes?: number;
  /** Takes no notice of SIGTERM, so that a stop lasts its whole grace period. */
  readonly ignoresTerm?: boolean;
  /** How long a start takes. */
  readonly startMs?: number;
  /** How pulling the image ends; default: it succeeds. */
  readonly pull?: "absent" | "unauthorized" | "unreachable";
  /** How long pulling it takes, in twenty steps. Milliseconds; default: no time. */
  readonly pullMs?: number;
};

/** Images by reference: `*` stands for any characters. The first rule that matches counts. */
export type BehaviourRule = { readonly image: string; readonly behaviour: Behaviour };

/** What fits images by their very names, so that a rollout of any of them is a demonstration. */
export const defaultRules: readonly BehaviourRule[] = [
  {
    image: "*crash*",
    behaviour: { exit: { code: 1 }, complaint: "cannot open configuration" },
  },
  { image: "*unhealthy*", behaviour: { serve: "unhealthy" } },
  { image: "*silent*", behaviour: {} },
  { image: "*never-ready*", behaviour: {} },
  { image: "*absent*", behaviour: { pull: "absent" } },
  { image: "127.0.0.1:1/*", behaviour: { pull: "unreachable" } },
];

function matches(pattern: string, reference: string): boolean {
  const escaped = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`).test(reference);
}

/** What the containers of an image do. Without a rule they serve the image's tag. */
export function behaviourOf(rules: readonly BehaviourRule[], reference: string): Behaviour {
  const found = rules.find(({ image }) => matches(image, reference));
  if (found !== undefined) return found.behaviour;
  const [, tag = "latest"] = /:([^:/@]+)$/.exec(reference.replace(/@.*$/, "")) ?? [];
  return { serve: tag };
}
