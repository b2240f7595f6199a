import type { LoopMacro } from "./ir.ts";

const oneVariable: Readonly<Record<string, LoopMacro>> = {
  all: "all",
  exists: "exists",
  exists_one: "existsOne",
  existsOne: "existsOne",
  filter: "filter",
  map: "map",
};
const twoVariables: Readonly<Record<string, LoopMacro>> = {
  all: "all",
  exists: "exists",
  exists_one: "existsOne",
  existsOne: "existsOne",
  transformList: "transformList",
  transformMap: "transformMap",
  transformMapEntry: "transformMapEntry",
};

/** How a call is read that may be a macro. */
type Macro = { readonly macro: LoopMacro; readonly hasKey: boolean };

/** The macro that a call is: by its name and how many arguments it has. `undefined`: it is none. */
export function macroOf(name: string, args: number): Macro | undefined {
  const single = args === 2 || (name === "map" && args === 3) ? oneVariable[name] : undefined;
  if (single !== undefined) return { macro: single, hasKey: false };
  const isPair = args === 3 || (name.startsWith("transform") && args === 4);
  const pair = isPair ? twoVariables[name] : undefined;
  return pair === undefined ? undefined : { macro: pair, hasKey: true };
}
