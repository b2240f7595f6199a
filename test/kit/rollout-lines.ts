import { expect } from "vitest";
import type { RolloutLine } from "../../crds/rollout-stream.ts";

const fields = [
  "Status",
  "Method",
  "Endpoint",
  "Message",
  "Code",
  "Instance",
  "Item",
  "Total",
  "Operation",
  "Time",
];

type Block = { readonly start: RolloutLine; readonly items: Set<number> };

function checkFields(line: RolloutLine): void {
  const isLast = line.Status === "Finalized";
  expect(Object.keys(line)).toEqual(isLast ? [...fields, "Verdict"] : fields);
  expect(Date.parse(line.Time), JSON.stringify(line)).not.toBeNaN();
}

function checkInBlock(block: Block | undefined, line: RolloutLine): Block {
  if (block === undefined) throw new Error(`Outside of a block: ${JSON.stringify(line)}`);
  const { Method, Endpoint, Total, Operation } = block.start;
  expect(line).toMatchObject({ Method, Endpoint, Total, Operation });
  return block;
}

/**
 * Checks lines against the block grammar of the update stream: blocks never overlap, each has as many
 * lines about slots as its Total says, one for each Item, and nothing follows Finalized.
 */
export function checkGrammar(lines: readonly RolloutLine[]): void {
  let block: Block | undefined;
  const names = new Set<string>();
  lines.forEach((line, index) => {
    checkFields(line);
    switch (line.Status) {
      case "Starting":
        expect(block, `two blocks at once: ${line.Endpoint}`).toBeUndefined();
        expect(names.has(line.Endpoint), `a block twice: ${line.Endpoint}`).toBe(false);
        expect(line).toMatchObject({ Code: 0, Instance: "", Item: 0 });
        names.add(line.Endpoint);
        block = { start: line, items: new Set() };
        return;
      case "Complete": {
        const { items, start } = checkInBlock(block, line);
        expect(line).toMatchObject({ Item: items.size, Code: 0, Message: start.Message });
        expect(items.size, `lines of ${line.Endpoint}`).toBe(line.Total);
        block = undefined;
        return;
      }
      case "Finalized":
        expect(block, `${block?.start.Endpoint ?? ""} is not complete`).toBeUndefined();
        expect(line).toMatchObject({ Method: "", Endpoint: "", Item: 0, Total: 0 });
        expect(index, "nothing follows").toBe(lines.length - 1);
        return;
      default: {
        const { items } = checkInBlock(block, line);
        expect(items.has(line.Item), `${line.Endpoint} tells of ${line.Item} twice`).toBe(false);
        items.add(line.Item);
      }
    }
  });
}
