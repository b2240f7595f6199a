import type { FastifyBaseLogger } from "fastify";
import type { Clock } from "../machinery/clock.ts";
import type { Authenticator } from "./access.ts";
import { accountAuthenticator } from "./authn/account.ts";
import { certificateAuthenticator } from "./authn/certificate.ts";
import { authenticatorChain } from "./authn/chain.ts";
import { withImpersonation } from "./authn/impersonate.ts";
import { type Oidc, openOidc } from "./authn/open-oidc.ts";
import type { ServerConfig } from "./config.ts";
import { type Identity, openIdentity } from "./identity/open-identity.ts";
import { type Joining, openJoining } from "./joining.ts";
import type { LivePki } from "./live-pki.ts";
import type { OwnedScope } from "./scope.ts";

/** The ways to be known beside certificates and tokens of ours. */
export type Ways = { readonly joining: Joining; readonly oidc: Oidc; readonly identity: Identity };

/** Who knows people by the tokens that they bear. */
export const peopleOf = ({
  identity,
  oidc,
}: Pick<Ways, "identity" | "oidc">): readonly Authenticator[] => [
  ...identity.authenticators,
  oidc.authenticator,
];

/** Who knows whom a request is from, whichever way; the first that knows decides. */
export function callersBy(
  { reviewer, rights, users }: Pick<OwnedScope, "reviewer" | "rights" | "users">,
  ways: Ways,
): Authenticator {
  const chain = authenticatorChain([
    ...ways.joining.authenticators,
    certificateAuthenticator(users.isDisabled),
    accountAuthenticator(reviewer),
    ...peopleOf(ways),
  ]);
  return withImpersonation(chain, rights);
}

type WaysOptions = {
  readonly config: Pick<ServerConfig, "oidc">;
  readonly clock: Clock;
  readonly log: FastifyBaseLogger;
};

/** Opens them all; nothing of them goes on before it is run. */
export async function openWays(
  { config, clock, log }: WaysOptions,
  { storage, tokens, kinds, users }: OwnedScope,
  pki: LivePki,
): Promise<Ways> {
  const joining = openJoining({ storage, clock, pki, log });
  const identity = openIdentity({ storage, kinds, users, clock, log });
  const trusting = { config: config.oidc ?? {}, accountIssuer: tokens.issuer };
  const oidc = await openOidc({ ...trusting, users, clock, log });
  return { joining, oidc, identity };
}
