import type { Change, History, Read, Seen, Version, Watched, Write } from "./history.ts";

/**
 * Judges what clients were told by what the store committed, in the manner of etcd's robustness
 * tests: no acknowledged write is lost, none happens twice, no watch misses, repeats, reorders or
 * anticipates an event, no bookmark is ahead, and no list travels back in time.
 *
 * @param truth every change of the watched collection, in order of its version
 * @returns a sentence for each violation; none when the history is right
 */
export function violations(history: History, truth: readonly Change[]): readonly string[] {
  const begun = firstAttempts(history.writes);
  return [
    ...truthProblems(truth),
    ...writeProblems(history.writes, truth),
    ...history.watches.flatMap((watch) => watchProblems(watch, truth, begun)),
    ...readProblems(history, truth),
  ];
}

const show = ({ type, name, value, at }: Change | Seen): string =>
  `${type} ${name}=${value} at ${at}`;

function truthProblems(truth: readonly Change[]): readonly string[] {
  const found: string[] = [];
  const values = new Set<string>();
  const live = new Map<string, string>();
  let last: Version = 0;
  for (const change of truth) {
    const { type, name, value, at } = change;
    if (at <= last) found.push(`the store committed ${show(change)} after version ${last}`);
    last = at;
    if (type === "DELETED") {
      if (live.get(name) !== value)
        found.push(`the store deleted what was not there: ${show(change)}`);
      live.delete(name);
      continue;
    }
    if ((type === "ADDED") === live.has(name))
      found.push(`the store has no reason for ${show(change)}`);
    if (values.has(value)) found.push(`the store committed twice: ${show(change)}`);
    values.add(value);
    live.set(name, value);
  }
  return found;
}

const idOf = ({
  type,
  value,
}: {
  readonly type: Change["type"];
  readonly value: string;
}): string => (type === "DELETED" ? `- ${value}` : value);

function writeProblems(writes: readonly Write[], truth: readonly Change[]): readonly string[] {
  const committed = new Map(truth.map((change) => [idOf(change), change]));
  const found: string[] = [];
  const explained = new Set<string>();
  for (const write of writes) {
    const id = idOf(write);
    const change = committed.get(id);
    if (write.outcome !== "refused") explained.add(id);
    found.push(...outcomeProblems(write, change));
  }
  for (const change of truth) {
    if (!explained.has(idOf(change))) found.push(`nobody was told of ${show(change)}`);
  }
  return found;
}

function outcomeProblems(write: Write, change: Change | undefined): readonly string[] {
  const { client, type, name, value, outcome, at } = write;
  const what = `${type} ${name}=${value} by ${client}`;
  if (outcome === "done" && change === undefined) return [`acknowledged write is lost: ${what}`];
  if (outcome === "done" && at !== undefined && change?.at !== at) {
    return [`${what} was acknowledged at ${at}, committed at ${change?.at ?? "no version"}`];
  }
  // A refused deletion names a value that somebody else may have deleted.
  const invented = outcome === "refused" && type !== "DELETED" && change !== undefined;
  return invented ? [`refused write was committed: ${what}`] : [];
}

/** When each change was first asked for, in milliseconds; several may ask for one deletion. */
function firstAttempts(writes: readonly Write[]): ReadonlyMap<string, number> {
  const begun = new Map<string, number>();
  for (const write of writes) {
    const id = idOf(write);
    begun.set(id, Math.min(begun.get(id) ?? Infinity, write.startMs));
  }
  return begun;
}

function watchProblems(
  { client, since, seen }: Watched,
  truth: readonly Change[],
  begun: ReadonlyMap<string, number>,
): readonly string[] {
  const found: string[] = [];
  const wanted = truth.filter(({ at }) => at > since);
  let next = 0;
  let reached = since;
  for (const line of seen) {
    const late = line.at <= reached && line.type !== "BOOKMARK";
    reached = Math.max(reached, line.at);
    if (late) {
      found.push(`${show(line)} came again or late, after ${reached}`);
      continue;
    }
    // Everything up to here must have been shown: all of it by a bookmark, itself by an event.
    const end = wanted.findIndex(({ at }, index) => index >= next && at >= line.at);
    const until = end < 0 ? wanted.length : end;
    const change = wanted[until];
    for (const missed of wanted.slice(next, until)) found.push(`missed ${show(missed)}`);
    next = until;
    if (line.type === "BOOKMARK") {
      if (change?.at === line.at) found.push(`bookmark ${line.at} is ahead of ${show(change)}`);
      continue;
    }
    found.push(...eventProblems(line, change, begun));
    if (change?.at === line.at) next += 1;
  }
  return found.map((problem) => `${client}: ${problem}`);
}

function eventProblems(
  line: Seen,
  change: Change | undefined,
  begun: ReadonlyMap<string, number>,
): readonly string[] {
  if (change?.at !== line.at) return [`${show(line)} never happened`];
  if (show(change) !== show(line)) return [`was shown ${show(line)} instead of ${show(change)}`];
  const early = line.atMs < (begun.get(idOf(change)) ?? -Infinity);
  return early ? [`${show(line)} came before it was written`] : [];
}

/** The state after each change, without building more than one at a time. */
function stateProblems(reads: readonly Read[], truth: readonly Change[]): readonly string[] {
  const found: string[] = [];
  const state = new Map<string, { readonly value: string; readonly at: Version }>();
  let next = 0;
  for (const read of reads.toSorted((left, right) => left.at - right.at)) {
    for (
      let change = truth[next];
      change !== undefined && change.at <= read.at;
      change = truth[next]
    ) {
      if (change.type === "DELETED") state.delete(change.name);
      else state.set(change.name, { value: change.value, at: change.at });
      next += 1;
    }
    found.push(...differences(read, state));
  }
  return found;
}

function differences({ client, at, state }: Read, wanted: Read["state"]): readonly string[] {
  const names = new Set([...state.keys(), ...wanted.keys()]);
  return [...names].flatMap((name) => {
    const [is, should] = [state.get(name), wanted.get(name)];
    if (is?.value === should?.value && is?.at === should?.at) return [];
    const was = is === undefined ? "nothing" : `${is.value} at ${is.at}`;
    const meant = should === undefined ? "nothing" : `${should.value} at ${should.at}`;
    return [`${client}: list at ${at} shows ${name} as ${was}, it was ${meant}`];
  });
}

function readProblems({ reads, writes }: History, truth: readonly Change[]): readonly string[] {
  const latest = reads.filter((read) => read.latest);
  const told = [
    ...writes.flatMap(({ outcome, at, endMs }) =>
      outcome === "done" && at !== undefined ? [{ endMs, at }] : [],
    ),
    ...latest.map(({ endMs, at }) => ({ endMs, at })),
  ].toSorted((left, right) => left.endMs - right.endMs);
  const found: string[] = [];
  let next = 0;
  let known: Version = 0;
  for (const { client, startMs, at } of latest.toSorted((a, b) => a.startMs - b.startMs)) {
    for (
      let before = told[next];
      before !== undefined && before.endMs < startMs;
      before = told[next]
    ) {
      known = Math.max(known, before.at);
      next += 1;
    }
    if (at < known) found.push(`${client}: list at ${at} began after version ${known} was known`);
  }
  return [...found, ...stateProblems(reads, truth)];
}
