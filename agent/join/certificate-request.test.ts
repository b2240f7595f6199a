import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { readRequest } from "../../api/server/certificates/read-request.ts";
import { createCertificateRequest } from "./certificate-request.ts";

function key() {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }));
}

test.each(["a", "paris", "x".repeat(63)])(
  "createCertificateRequest() for %s is what the server reads",
  async (beacon) => {
    const subject = { commonName: `system:beacon:${beacon}`, organization: "system:beacons" };
    const facts = await readRequest(createCertificateRequest(key(), subject));
    expect(facts).toMatchObject({
      commonNames: [`system:beacon:${beacon}`],
      organizations: ["system:beacons"],
      otherAttributes: [],
      extensions: [],
      keyKind: "EC P-256",
    });
  },
);
