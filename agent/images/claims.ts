/** An image that an agent of ours brought to a host, and that it may take away again. */
export type Claim = {
  /** `sha256:...` of its configuration. */
  readonly id: string;
  /** What it was pulled as. Another name means that somebody else uses it, too. */
  readonly references: readonly string[];
  /** `namespace/name` of the Application that used it last; empty for a plain pod. */
  readonly application: string;
  /** When it was last seen in use, or pulled. Milliseconds since the Unix epoch, our clock. */
  readonly usedMs: number;
};

/** The oldest beyond so many are forgotten, which makes them somebody else's: annotations are small. */
const maxClaims = 200;

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");

function readClaim([id, value]: [string, unknown]): readonly Claim[] {
  if (!/^sha256:[0-9a-f]{64}$/.test(id) || !Array.isArray(value)) return [];
  const [usedMs, application, references] = value as readonly unknown[];
  if (typeof usedMs !== "number" || typeof application !== "string" || !isStrings(references))
    return [];
  return [{ id, references, application, usedMs }];
}

/** Reads the annotation `lighthouse.dev/pulled-images`; what is not one of our entries is left out. */
export function parseClaims(text: string | undefined): readonly Claim[] {
  try {
    const value: unknown = JSON.parse(text ?? "{}");
    return typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(readClaim)
      : [];
  } catch {
    return []; // somebody wrote into it: then nothing is ours
  }
}

/** The text of that annotation: image id to time of last use, Application and names. */
export function formatClaims(claims: readonly Claim[]): string {
  const newest = claims.toSorted((a, b) => b.usedMs - a.usedMs).slice(0, maxClaims);
  const entries = newest.map(({ id, usedMs, application, references }) => {
    return [id, [usedMs, application, references]] as const;
  });
  return JSON.stringify(Object.fromEntries(entries));
}
