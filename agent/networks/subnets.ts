/** A part of the IPv4 addresses: the first one, and how many there are. */
type Span = { readonly first: number; readonly size: number };

/** Where networks of pods lie unless the owner says otherwise; RFC 1918, and rarely routed. */
export const defaultRange = "10.76.0.0/14";

/** A Linux bridge takes 1,023 ports: a network of 1,022 addresses is as large as one can be filled. */
const prefixLength = 22;

const pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

/** Reads `10.76.4.0/22`; `undefined` for anything else, as for IPv6. */
function spanOf(text: string): Span | undefined {
  const numbers = (pattern.exec(text) ?? []).slice(1).map(Number);
  const [a = 256, b = 0, c = 0, d = 0, length = 33] = numbers;
  if ([a, b, c, d].some((byte) => byte > 255) || length > 32) return undefined;
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  const size = 2 ** (32 - length);
  return { first: address - (address % size), size };
}

const meet = (one: Span, other: Span): boolean =>
  one.first < other.first + other.size && other.first < one.first + one.size;

const textOf = (first: number, length: number): string => {
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `${bytes.join(".")}/${length}`;
};

/** Whether the text is a range that networks can be cut from, e.g. `10.76.0.0/14`. */
export function isRange(text: string): boolean {
  return spanOf(text) !== undefined;
}

/** The same text always gives the same number, 0 or more. FNV-1a. */
function scatter(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/**
 * A subnet of the range that meets none of those taken, `undefined` when there is none. `seed` decides
 * where the search begins, so that two engines of one machine, or two hosts of one site, differ.
 */
export function freeSubnet(
  range: string,
  taken: readonly string[],
  seed: string,
): string | undefined {
  const whole = spanOf(range);
  if (whole === undefined) return undefined;
  const size = Math.min(whole.size, 2 ** (32 - prefixLength));
  const count = whole.size / size;
  const others = taken.flatMap((text) => spanOf(text) ?? []).filter((span) => meet(span, whole));
  const start = scatter(seed) % count;
  for (let step = 0; step < count; step += 1) {
    const first = whole.first + ((start + step) % count) * size;
    if (others.every((span) => !meet(span, { first, size })))
      return textOf(first, 32 - Math.log2(size));
  }
  return undefined;
}
