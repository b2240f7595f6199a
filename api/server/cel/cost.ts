/** How much at least and at most: of time in Kubernetes' units, or of characters and items. */
export type Span = { readonly min: number; readonly max: number };

/** Cost of one call, and the size of what it yields if that is known. */
export type CallCost = { readonly cost: Span; readonly size?: Span };

/** What a call costs, from the sizes of its arguments, the receiver first. */
export type CostRule = (sizes: readonly Span[]) => CallCost;

/** A span of one value. */
export const exactly = (value: number): Span => ({ min: value, max: value });

/** Nothing. */
export const free = exactly(0);

/** A size that nobody bounds. */
export const unbounded: Span = { min: 0, max: Infinity };

/** Both together. */
export const plus = (left: Span, right: Span): Span => ({
  min: left.min + right.min,
  max: left.max + right.max,
});

const multiply = (left: number, right: number): number =>
  left === 0 || right === 0 ? 0 : left * right;

/** One for each of the other. */
export const times = (left: Span, right: Span): Span => ({
  min: multiply(left.min, right.min),
  max: multiply(left.max, right.max),
});

/** One or the other. */
export const either = (left: Span, right: Span): Span => ({
  min: Math.min(left.min, right.min),
  max: Math.max(left.max, right.max),
});

/** A share of it, rounded up. */
export const share = (span: Span, factor: number): Span => ({
  min: Math.ceil(multiply(span.min, factor)),
  max: Math.ceil(multiply(span.max, factor)),
});

/** Going over a text, per character. */
export const perCharacter = 0.1;
/** A state of a regular expression, per character of the pattern. */
const perPatternCharacter = 0.25;

const at = (sizes: readonly Span[], i: number): Span => sizes[i] ?? unbounded;

/** The costs of Kubernetes' functions, by what they do. */
export const costs = {
  /** An access, or arithmetic. */
  one: () => ({ cost: exactly(1) }),
  /** Goes over the first argument once, and yields something as large. */
  scan: (sizes) => ({ cost: share(at(sizes, 0), perCharacter), size: at(sizes, 0) }),
  /** The same, and builds the result. */
  rebuild: (sizes) => ({
    cost: share(at(sizes, 0), 2 * perCharacter),
    size: { min: 0, max: at(sizes, 0).max },
  }),
  /** Goes over the last argument. */
  scanLast: (sizes) => ({ cost: share(at(sizes, sizes.length - 1), perCharacter) }),
  /** Compares the shorter of both. */
  compare: (sizes) => {
    const max = Math.min(at(sizes, 0).max, at(sizes, 1).max);
    return { cost: share({ min: 0, max }, perCharacter) };
  },
  /** Looks for one in the other. */
  contains: (sizes) => ({
    cost: times(share(at(sizes, 0), perCharacter), share(at(sizes, 1), perCharacter)),
  }),
  /** A regular expression, the second argument, over the first. */
  regex: (sizes) => ({
    cost: times(
      share(plus(at(sizes, 0), exactly(1)), perCharacter),
      share(at(sizes, 1), perPatternCharacter),
    ),
    size: { min: 0, max: at(sizes, 0).max },
  }),
  /**
   * What a regular expression costs this engine: its automaton takes about 0.4 µs per character and
   * 25 ns more for each character of the pattern, where a unit stands for some 30 ns.
   */
  regexRun: (sizes) => ({
    cost: times(plus(at(sizes, 0), exactly(8)), plus(exactly(13), share(at(sizes, 1), 0.8))),
  }),
  /** The same for all matches in a text. */
  regexRunAll: (sizes) => ({
    cost: times(plus(at(sizes, 0), exactly(8)), plus(exactly(60), share(at(sizes, 1), 0.8))),
  }),
  /** Builds many small values out of a text, or reads it character by character. */
  slowText: (sizes) => ({ cost: share(at(sizes, 0), 5) }),
  /** Goes through both values as deep as they are; the sizes are then their weights. */
  compareDeep: (sizes) => ({ cost: exactly(Math.min(at(sizes, 0).max, at(sizes, 1).max)) }),
  /** Compares a value with all of a list. */
  searchDeep: (sizes) => ({ cost: exactly(Math.max(at(sizes, 0).max, at(sizes, 1).max)) }),
  /** Compares all items of a list with all of another, or of itself. */
  pairsDeep: (sizes) => ({
    cost: exactly(
      multiply(at(sizes, 0).max, sizes[1] === undefined ? at(sizes, 0).max : sizes[1].max),
    ),
  }),
  /** Goes through all arguments. */
  allDeep: (sizes) => ({ cost: exactly(sizes.reduce((sum, { max }) => sum + max, 0) * 10) }),
  /** Puts two texts together. */
  concat: (sizes) => {
    const size = plus(at(sizes, 0), at(sizes, 1));
    return { cost: share(size, perCharacter), size };
  },
  /** Puts two lists together; their items are shared. */
  concatLists: (sizes) => ({ cost: exactly(1), size: plus(at(sizes, 0), at(sizes, 1)) }),
  /** Copies both lists, a unit for five items. */
  copyLists: (sizes) => ({ cost: share(plus(at(sizes, 0), at(sizes, 1)), 0.2) }),
  /** Looks for a text in another, which is slow when much of it nearly fits. */
  searchText: (sizes) => ({
    cost: times(at(sizes, 0), share(at(sizes, sizes[1] === undefined ? 0 : 1), 0.1)),
  }),
  /** Reads a time, a duration or a number from a text. */
  readText: (sizes) => ({ cost: plus(exactly(50), at(sizes, 0)) }),
  /** Lists the keys of a map, which the engine does slowly when there are many. */
  keys: (sizes) => ({ cost: share(at(sizes, 0), 10) }),
  /** A part of a time in a zone. */
  inZone: () => ({ cost: exactly(2_000) }),
  /** Looks at every item. */
  items: (sizes) => ({ cost: at(sizes, 0) }),
  /** Looks at every item of the last argument. */
  itemsOfLast: (sizes) => ({ cost: at(sizes, sizes.length - 1) }),
  /** Compares all items of one list with all of the other. */
  pairs: (sizes) => ({ cost: plus(exactly(1), times(at(sizes, 0), at(sizes, 1))) }),
  /** A pattern of a fixed size over the last argument. */
  format: (sizes) => ({
    cost: share(share(at(sizes, sizes.length - 1), perCharacter), 128 * perPatternCharacter),
  }),
} satisfies Readonly<Record<string, CostRule>>;

/** Rules that count the weights of values, not their sizes. */
export const deepCosts: ReadonlySet<CostRule> = new Set([
  costs.compareDeep,
  costs.searchDeep,
  costs.pairsDeep,
  costs.allDeep,
]);
