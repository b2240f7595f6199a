import type { App } from "../http.ts";
import { type AccountTokens, defaultIssuer } from "./account-tokens.ts";

/** Who was given a public issuer serves the keys below it; the default one is no address. */
function keysAt(issuer: string, address: string): string {
  return issuer === defaultIssuer ? `https://${address}` : issuer.replace(/\/+$/, "");
}

/**
 * Serves what others need to verify ServiceAccount tokens: the OpenID discovery document and the
 * public keys. `address` is where clients reach us, e.g. `10.0.0.1:6443`.
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/#service-account-issuer-discovery
 */
export function serveIssuer(app: App, tokens: AccountTokens, address: () => string): void {
  app.get("/.well-known/openid-configuration", async (_request, reply) =>
    reply.type("application/json").send(
      JSON.stringify({
        issuer: tokens.issuer,
        jwks_uri: `${keysAt(tokens.issuer, address())}/openid/v1/jwks`,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256", "RS256"],
      }),
    ),
  );
  app.get("/openid/v1/jwks", async (_request, reply) =>
    reply.type("application/jwk-set+json").send(JSON.stringify(await tokens.jwks())),
  );
}
