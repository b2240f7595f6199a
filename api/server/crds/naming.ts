import { equalJson } from "../../machinery/equality.ts";
import {
  type Crd,
  type CrdCondition,
  type CrdNames,
  type CrdStatus,
  withCondition,
} from "./crd.ts";

/** The names that the other CRDs of a group have been given. */
type Taken = { readonly resources: ReadonlySet<string>; readonly kinds: ReadonlySet<string> };

type Condition = Omit<CrdCondition, "lastTransitionTime">;

/** What became of the wish for names. */
type Naming = { readonly names: CrdNames; readonly condition: Condition };

function takenNames(others: readonly Crd[]): Taken {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const {
      plural,
      singular = "",
      shortNames = [],
      kind,
      listKind = "",
    } = status?.acceptedNames ?? { plural: "", kind: "" };
    for (const name of [plural, singular, ...shortNames]) if (name !== "") resources.add(name);
    for (const name of [kind, listKind]) if (name !== "") kinds.add(name);
  }
  return { resources, kinds };
}

const noNames: CrdNames = { plural: "", kind: "" };
const inUse = (name: string): string => `"${name}" is already in use`;

/** Short names are given together or not at all. */
function shortNameConflict(
  wanted: CrdNames,
  accepted: CrdNames,
  taken: ReadonlySet<string>,
): string | undefined {
  const own = new Set(accepted.shortNames);
  const clashes = (wanted.shortNames ?? []).filter((name) => !own.has(name) && taken.has(name));
  if (clashes.length < 2) return clashes[0] === undefined ? undefined : inUse(clashes[0]);
  return `[${clashes.map(inUse).join(", ")}]`;
}

/** Gives what is free; of several conflicts the last one is reported, as Kubernetes does. */
function decideNames(wanted: CrdNames, accepted: CrdNames, taken: Taken): Naming {
  const names: { -readonly [Name in keyof CrdNames]: CrdNames[Name] } = { ...accepted };
  let conflict: { readonly reason: string; readonly message: string } | undefined;
  const decide = (
    field: "plural" | "singular" | "kind" | "listKind",
    reason: string,
    used: ReadonlySet<string>,
  ): void => {
    const name = wanted[field] ?? "";
    if (name !== (accepted[field] ?? "") && used.has(name))
      conflict = { reason, message: inUse(name) };
    else names[field] = name;
  };
  decide("plural", "PluralConflict", taken.resources);
  decide("singular", "SingularConflict", taken.resources);
  const short = shortNameConflict(wanted, accepted, taken.resources);
  if (short !== undefined) conflict = { reason: "ShortNamesConflict", message: short };
  else if (wanted.shortNames === undefined) delete names.shortNames;
  else names.shortNames = wanted.shortNames;
  decide("kind", "KindConflict", taken.kinds);
  decide("listKind", "ListKindConflict", taken.kinds);
  if (wanted.categories === undefined) delete names.categories;
  else names.categories = wanted.categories;
  const type = "NamesAccepted";
  if (conflict !== undefined) return { names, condition: { type, status: "False", ...conflict } };
  const message = "no conflicts found";
  return { names, condition: { type, status: "True", reason: "NoConflicts", message } };
}

function established(old: CrdCondition | undefined, accepted: boolean): Condition {
  const type = "Established";
  // Once served, a kind stays served: a later conflict of names takes nothing away.
  if (old?.status === "True") return old;
  if (!accepted) {
    return { type, status: "False", reason: "NotAccepted", message: "not all names are accepted" };
  }
  const message = "the initial names have been accepted";
  return { type, status: "True", reason: "InitialNamesAccepted", message };
}

/**
 * The status of a CRD among the other CRDs of its group: which names it has been given and whether
 * its kinds are served. Keeps what else stands in the status; `now` stamps changed conditions.
 */
export function nameStatus(
  { spec, status = {} }: Pick<Crd, "spec" | "status">,
  others: readonly Crd[],
  now: string,
): CrdStatus {
  const { names, condition } = decideNames(
    spec.names,
    status.acceptedNames ?? noNames,
    takenNames(others),
  );
  const { conditions = [] } = status;
  const old = conditions.find(({ type }) => type === "Established");
  const accepted = condition.status === "True";
  const named = withCondition(conditions, condition, now);
  const next = withCondition(named, established(old, accepted), now);
  return { ...status, acceptedNames: names, conditions: next };
}

/** Whether two states of a status say the same. */
export function sameStatus(left: CrdStatus | undefined, right: CrdStatus): boolean {
  return equalJson(left, right);
}
