import { type AgentKey, annotation } from "../../../crds/labels.ts";
import type { ObjectMeta } from "../../machinery/object.ts";
import { formatTime, parseTime } from "../../machinery/time.ts";
import { isObject, textIn } from "../kinds/fill.ts";

/** Most keys of one beacon: its agents, and those that they took over from. */
const maxKeys = 8;
/** A key that is not used for so long is forgotten: it joins again with a token. */
const forgetMs = 30 * 86_400_000;

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The part of a Beacon that has the record. */
type Recorded = {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
};

/** The keys that a Beacon accepts; none when the annotation cannot be read. */
export function knownKeys({ metadata }: Recorded): readonly AgentKey[] {
  const list = parsed(metadata.annotations?.[annotation.agentKeys] ?? "[]");
  if (!Array.isArray(list)) return [];
  return list
    .filter(isObject)
    .map((entry) => {
      const root = textIn(entry, "root");
      const facts = { key: textIn(entry, "key"), expires: textIn(entry, "expires") };
      return root === "" ? facts : { ...facts, root };
    })
    .filter(({ key }) => key !== "");
}

/** Whether a Beacon accepts a key. */
export function isKnownKey(beacon: Recorded, key: string): boolean {
  return knownKeys(beacon).some((known) => known.key === key);
}

/** The metadata of a Beacon with a key added, or its end put off; what was long unused goes. */
export function withKey(metadata: ObjectMeta, added: AgentKey, nowMs: number): ObjectMeta {
  const others = knownKeys({ metadata }).filter(
    ({ key, expires }) => key !== added.key && (parseTime(expires) ?? 0) > nowMs - forgetMs,
  );
  const keys = [...others, added]
    .toSorted((a, b) => a.expires.localeCompare(b.expires))
    .slice(-maxKeys);
  const annotations = { ...metadata.annotations, [annotation.agentKeys]: JSON.stringify(keys) };
  return { ...metadata, annotations };
}

/** When a Beacon's certificates were revoked last, for people; empty if never. */
export function revokedAt({ metadata }: Recorded): string {
  const ms = parseTime(metadata.annotations?.[annotation.revoked] ?? "");
  return ms === undefined ? "" : formatTime(ms);
}
