import type { Overload } from "./function-table.ts";
import type { CelType } from "./types.ts";
import type { CelValue } from "./value.ts";

/** The macros that go over a list or map. */
export type LoopMacro =
  | "all"
  | "exists"
  | "existsOne"
  | "filter"
  | "map"
  | "transformList"
  | "transformMap"
  | "transformMapEntry";

type Typed = { readonly type: CelType };

/** A loop: `key` is set for the macros of two variables. Slots are places in the frame. */
export type LoopNode = Typed & {
  readonly op: "loop";
  readonly macro: LoopMacro;
  readonly range: CelNode;
  readonly key?: number;
  readonly item: number;
  readonly filter?: CelNode;
  readonly body: CelNode;
};

/** An expression whose names and types are resolved. */
export type CelNode =
  | (Typed & { readonly op: "const"; readonly value: CelValue })
  | (Typed & { readonly op: "slot"; readonly slot: number })
  | (Typed & {
      readonly op: "select";
      readonly operand: CelNode;
      readonly field: string;
      /** `.?`: a missing field is an absent value. */
      readonly optional: boolean;
    })
  | (Typed & { readonly op: "has"; readonly operand: CelNode; readonly field: string })
  | (Typed & {
      readonly op: "call";
      readonly name: string;
      /** The receiver first. */
      readonly args: readonly CelNode[];
      /** More than one when the types of the arguments are not known before they are there. */
      readonly overloads: readonly Overload[];
    })
  | (Typed & { readonly op: "and" | "or"; readonly left: CelNode; readonly right: CelNode })
  | (Typed & {
      readonly op: "if";
      readonly test: CelNode;
      readonly yes: CelNode;
      readonly no: CelNode;
    })
  | (Typed & { readonly op: "list"; readonly items: readonly CelNode[] })
  | (Typed & {
      readonly op: "map";
      readonly entries: readonly (readonly [CelNode, CelNode])[];
    })
  | LoopNode
  | (Typed & {
      readonly op: "bind";
      readonly slot: number;
      readonly init: CelNode;
      readonly body: CelNode;
    })
  | (Typed & {
      readonly op: "optMap";
      /** Whether the body yields an optional itself. */
      readonly flat: boolean;
      readonly slot: number;
      readonly target: CelNode;
      readonly body: CelNode;
    });
