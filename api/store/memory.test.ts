import { storeConformance } from "../../test/conformance/store.ts";
import { memoryStore } from "./memory.ts";

storeConformance(
  "memory",
  async () => ({ open: async () => memoryStore(), remove: async () => {} }),
  { durable: false, dense: true },
);
