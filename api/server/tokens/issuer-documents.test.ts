import Fastify from "fastify";
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { manualClock } from "../../../test/kit/clock.ts";
import { accountTokens, type AccountTokens } from "./account-tokens.ts";
import { serveIssuer } from "./issuer-documents.ts";
import { passingTokenKeys } from "./token-keys.ts";

const clock = manualClock();

async function documents(tokens: AccountTokens) {
  const app = Fastify();
  serveIssuer(app, tokens, () => "10.0.0.1:6443");
  const configuration = await app.inject("/.well-known/openid-configuration");
  const keys = await app.inject("/openid/v1/jwks");
  await app.close();
  return { configuration, keys };
}

test.each([
  [undefined, "https://kubernetes.default.svc", "https://10.0.0.1:6443/openid/v1/jwks"],
  ["https://x.dev/", "https://x.dev/", "https://x.dev/openid/v1/jwks"],
  ["https://x.dev/a", "https://x.dev/a", "https://x.dev/a/openid/v1/jwks"],
])("the documents of issuer %s lead to keys that verify its tokens", async (given, issuer, uri) => {
  const keys = passingTokenKeys();
  const tokens = accountTokens({ keys, clock, ...(given === undefined ? {} : { issuer: given }) });
  const served = await documents(tokens);
  expect(served.configuration.headers["content-type"]).toContain("application/json");
  expect(served.keys.headers["content-type"]).toContain("application/jwk-set+json");
  expect(served.configuration.json()).toEqual({
    issuer,
    jwks_uri: uri,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256", "RS256"],
  });
  const token = await tokens.sign({
    claims: { namespace: "shop", account: { name: "robot", uid: "u1" } },
    audiences: ["vault"],
    lifetimeSeconds: 600,
  });
  const set = createLocalJWKSet(served.keys.json<JSONWebKeySet>());
  const currentDate = new Date(clock.nowMs());
  const { payload } = await jwtVerify(token, set, { issuer, audience: "vault", currentDate });
  expect(payload.sub).toBe("system:serviceaccount:shop:robot");
});
