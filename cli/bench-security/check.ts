import type { Facts } from "./facts.ts";

/** What became of a check. MANUAL: somebody has to look, the evidence says at what. */
export const outcomes = ["PASS", "FAIL", "WARN", "MANUAL"] as const;
/** One of {@link outcomes}. */
export type Outcome = (typeof outcomes)[number];

/** What a check found. */
export type Verdict = { readonly outcome: Outcome; readonly evidence: string };

/** One item: a pure function over facts. */
export type Check = {
  /** Ours, stable, e.g. `LH-1.1`. */
  readonly id: string;
  /** Items of the CIS Kubernetes Benchmark v1.12 that it answers. */
  readonly cis: readonly string[];
  readonly title: string;
  /** A line that can be run, or the sentence that says what to do. */
  readonly remedy: string;
  /** `undefined`: the facts it needs are not known here. */
  readonly judge: (facts: Facts) => Verdict | undefined;
};

/** A check and what it found. */
export type Finding = Omit<Check, "judge"> & Verdict;

/** How many names evidence lists: the rest is counted. */
const shown = 5;

/** Names as evidence: the first few, and how many more. */
export function listed(names: readonly string[]): string {
  const more = names.length - shown;
  return names.slice(0, shown).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/** PASS when nothing was found, else `outcome` with what was. */
export function none(found: readonly string[], fine: string, outcome: Outcome = "FAIL"): Verdict {
  return found.length === 0
    ? { outcome: "PASS", evidence: fine }
    : { outcome, evidence: listed(found) };
}

/** All findings in the order of the checks; what the facts do not tell is MANUAL. */
export function judgeAll(checks: readonly Check[], facts: Facts): readonly Finding[] {
  return checks.map(({ judge, ...about }) => {
    const unknown = { outcome: "MANUAL", evidence: "not known from here" } as const;
    return { ...about, ...(judge(facts) ?? unknown) };
  });
}
