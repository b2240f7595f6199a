import type { Overload } from "./function-table.ts";
import type { CelNode } from "./ir.ts";
import {
  celTypes,
  type CelType,
  isAssignable,
  type Substitution,
  substitute,
  typeText,
} from "./types.ts";
import { CelError } from "./value.ts";

type CallNode = CelNode & { readonly op: "call" };

/** The call of a function with the signatures that fit; `undefined` when none does. */
export function resolveCall(
  name: string,
  args: readonly CelNode[],
  known: readonly Overload[],
): CallNode | undefined {
  const overloads: Overload[] = [];
  let type: CelType | undefined;
  for (const overload of known) {
    const own = resultOf(overload, args);
    if (own === undefined) continue;
    overloads.push(overload);
    type = type === undefined || type.name === own.name ? own : celTypes.dyn;
  }
  return type === undefined ? undefined : { op: "call", name, args, overloads, type };
}

function resultOf({ params, result }: Overload, args: readonly CelNode[]): CelType | undefined {
  const bound: Substitution = new Map();
  const fits =
    params.length === args.length &&
    params.every((param, i) => isAssignable(param, args[i]?.type ?? celTypes.dyn, bound));
  return fits ? substitute(result, bound) : undefined;
}

/** Why no signature of a function fits, in the words of CEL. */
export function noOverloadText(name: string, args: readonly CelNode[]): string {
  const types = args.map(({ type }) => typeText(type));
  const shown = name.startsWith(".")
    ? `'${name.slice(1)}' applied to '${types[0]}.(${types.slice(1).join(", ")})'`
    : `'${name}' applied to '(${types.join(", ")})'`;
  return `found no matching overload for ${shown}`;
}

/** Functions whose arguments, when they are written out, must be right: which one, and its name. */
const checkedArguments: Readonly<Record<string, readonly [at: number, called: string]>> = {
  ".matches": [1, "matches"],
  matches: [1, "matches"],
  duration: [0, "duration"],
  timestamp: [0, "timestamp"],
};

/** A pattern or a time that is no such thing is found before any object is. */
export function wrongConstant({
  name,
  args,
  overloads,
}: CallNode): { readonly summary: string; readonly at: number } | undefined {
  const [at = 0, called] = checkedArguments[name] ?? [];
  const arg = args[at];
  const [overload] = overloads;
  if (called === undefined || arg?.op !== "const" || overload === undefined) return undefined;
  try {
    overload.run(...args.map((_, i) => (i === at ? arg.value : "")));
    return undefined;
  } catch (err) {
    if (!(err instanceof CelError)) throw err;
    return { summary: `invalid ${called} argument`, at };
  }
}
