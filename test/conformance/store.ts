import { describe } from "vitest";
import { storeHistory } from "./store-history.ts";
import { starter, type StoreHarness, type StoreTraits } from "./store-kit.ts";
import { storeList } from "./store-list.ts";
import { storeWatch } from "./store-watch.ts";
import { storeWrites } from "./store-writes.ts";

/**
 * The promises of `Store` as tests. Call it inside a test file with a function that prepares an
 * empty store; each test gets its own.
 */
export function storeConformance(
  name: string,
  prepare: () => Promise<StoreHarness>,
  traits: StoreTraits,
): void {
  describe(`${name} store`, () => {
    const start = starter(prepare);
    storeWrites(start, traits);
    storeList(start);
    storeWatch(start);
    storeHistory(start, traits);
  });
}
