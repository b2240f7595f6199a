type Rank = readonly [stability: number, major: number, minor: number];

const stabilities: Readonly<Record<string, number>> = { alpha: 0, beta: 1, "": 2 };

/** `undefined` for a name that says nothing of its stability. */
function rankOf(version: string): Rank | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major = "0", stability = "", minor = "0"] = match;
  return [stabilities[stability] ?? 0, Number(major), Number(minor)];
}

/**
 * Orders API versions as clients prefer them, for `sort`: stable before beta before alpha, then the
 * higher number (`v10`, `v2`, `v1`, `v2beta1`, `v1alpha1`), then all other names by alphabet.
 */
export function compareVersions(left: string, right: string): number {
  const ranks = [rankOf(left), rankOf(right)] as const;
  const [a, b] = ranks;
  if (a === undefined || b === undefined) {
    if (a === undefined && b === undefined) return left < right ? -1 : Number(left > right);
    return a === undefined ? 1 : -1;
  }
  return b[0] - a[0] || b[1] - a[1] || b[2] - a[2];
}
