/** Where a walk over a value is: names of fields and indexes of items, from the root. */
export type Segments = readonly (string | number)[];

/**
 * The text form of a path, e.g. `spec.containers[0].image`. Rendered only when there is something
 * to say: walks push and pop segments, as a text for every field would cost more than the checks.
 */
export function pathText(segments: Segments): string {
  let text = "";
  for (const segment of segments) {
    if (typeof segment === "number") text += `[${segment}]`;
    else text += text === "" ? segment : `.${segment}`;
  }
  return text;
}
