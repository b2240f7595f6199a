import Fastify from "fastify";
import { expect, test } from "vitest";
import { mapErrors } from "../errors.ts";
import { openRegistry } from "../metrics/registry.ts";
import { encryptionPath, type EncryptionStatus } from "../../machinery/encryption-status.ts";
import type { Encryption } from "./encryption.ts";
import { addEncryptionMetrics, serveEncryption } from "./routes.ts";

const status = { keys: [], plain: 2 } as unknown as EncryptionStatus;

function recorded(): { readonly calls: string[]; readonly encryption: Encryption } {
  const calls: string[] = [];
  const noting = (call: string) => async (): Promise<EncryptionStatus> => {
    calls.push(call);
    return status;
  };
  const encryption = {
    survey: { byKey: { abc: 3 }, plain: 2, damaged: ["/a"] },
    status: noting("status"),
    rotate: noting("rotate"),
    prune: noting("prune"),
    discard: async (key: string) => void calls.push(`discard ${key}`),
  } as unknown as Encryption;
  return { calls, encryption };
}

test.each([
  ["GET", "", 200, ["status"]],
  ["POST", "/rotate", 200, ["rotate"]],
  ["POST", "/prune", 200, ["prune"]],
  [
    "POST",
    "/discard?key=%2Fregistry%2Fcore%2Fsecrets%2Fa%2Fb",
    200,
    ["discard /registry/core/secrets/a/b", "status"],
  ],
  ["POST", "/discard", 400, []],
  ["GET", "/rotate", 404, []],
] as const)("serveEncryption() %s %s", async (method, path, code, want) => {
  const { calls, encryption } = recorded();
  const app = Fastify();
  mapErrors(app);
  serveEncryption(app, encryption);
  const { statusCode } = await app.inject({ method, url: encryptionPath + path });
  expect([statusCode, calls]).toEqual([code, want]);
});

test("serveEncryption() serves nothing where nothing is encrypted", async () => {
  const app = Fastify();
  serveEncryption(app, undefined);
  expect((await app.inject({ method: "GET", url: encryptionPath })).statusCode).toBe(404);
});

test("addEncryptionMetrics() counts values by the key they need, plain ones without", () => {
  const registry = openRegistry();
  addEncryptionMetrics(registry, recorded().encryption);
  const text = registry.render();
  expect(text).toContain('lighthouse_encryption_values{key="abc"} 3');
  expect(text).toContain('lighthouse_encryption_values{key=""} 2');
  expect(text).toContain("lighthouse_encryption_damaged_values 1");
});
