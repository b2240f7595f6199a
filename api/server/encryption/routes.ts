import { encryptionPath } from "../../machinery/encryption-status.ts";
import { badRequest } from "../../machinery/errors.ts";
import type { App } from "../http.ts";
import type { Registry } from "../metrics/registry.ts";
import type { Encryption } from "./encryption.ts";

/** Serves the status and the verbs, behind authentication and authorization. */
export function serveEncryption(app: App, encryption: Encryption | undefined): void {
  if (encryption === undefined) return;
  app.get(encryptionPath, () => encryption.status());
  app.post(`${encryptionPath}/rotate`, () => encryption.rotate());
  app.post(`${encryptionPath}/prune`, () => encryption.prune());
  app.post(`${encryptionPath}/discard`, async ({ query }) => {
    const { key } = query as { readonly key?: unknown };
    if (typeof key !== "string")
      throw badRequest("Cannot discard a value without its key: ?key=/registry/...");
    await encryption.discard(key);
    return encryption.status();
  });
}

/** Counts what is stored and how, as the last look found it. */
export function addEncryptionMetrics(registry: Registry, encryption: Encryption | undefined): void {
  if (encryption === undefined) return;
  registry.gauge(
    {
      name: "lighthouse_encryption_values",
      help: "Stored values by the encryption key they need; an empty key is plain text.",
    },
    () => {
      const { byKey, plain } = encryption.survey;
      const counts = Object.entries({ ...byKey, "": plain });
      return counts.map(([key, value]) => ({ labels: { key }, value }));
    },
  );
  registry.gauge(
    {
      name: "lighthouse_encryption_damaged_values",
      help: "Stored values that cannot be decrypted.",
    },
    () => [{ labels: {}, value: encryption.survey.damaged.length }],
  );
}
