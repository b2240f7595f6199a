/**
 * The tag that a pull of a reference leaves, as the engine lists it, e.g. `web:latest` for
 * `docker.io/library/web`; `undefined` for a digest or an id, which leave none.
 */
export function tagOf(reference: string): string | undefined {
  if (reference.includes("@") || reference.startsWith("sha256:")) return undefined;
  const familiar = reference.replace(/^docker\.io\//, "").replace(/^library\//, "");
  return /:[^/:]+$/.test(familiar) ? familiar : `${familiar}:latest`;
}
