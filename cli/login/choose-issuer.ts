import type { Client } from "../../api/client/client.ts";
import { type Call, Misuse, text } from "../command.ts";
import { callJson } from "./auth-api.ts";
import type { OidcClient } from "./oidc-flows.ts";

/** Where every API server tells by which issuers people log in. */
const methodsPath = "/.well-known/lighthouse/login";

type Method = {
  readonly issuer: string;
  readonly clientID: string;
  readonly certificateAuthority?: string;
};

/** The issuer to log in at: what the server says, narrowed or replaced by flags. @throws Misuse */
export async function chooseIssuer(call: Call, client: Client): Promise<OidcClient> {
  const { flags, io, signal } = call;
  const [wanted, ownId] = [text(flags, "oidc-issuer"), text(flags, "oidc-client-id")];
  const answer = await callJson(client, { method: "GET", path: methodsPath }, signal);
  const { oidc: methods = [] } = answer as { readonly oidc?: readonly Method[] };
  const fitting = methods.filter(({ issuer }) => wanted === undefined || issuer === wanted);
  const [found, ...more] = fitting;
  if (found === undefined) {
    const names = methods.map(({ issuer }) => issuer).join(", ");
    throw new Misuse(
      methods.length === 0
        ? "The server trusts no OpenID Connect issuer: log in with a password"
        : `The server does not trust ${wanted ?? ""}: it has ${names}`,
    );
  }
  if (more.length > 0) {
    const names = fitting.map(({ issuer }) => issuer).join(", ");
    throw new Misuse(`The server trusts several issuers, name one with --oidc-issuer: ${names}`);
  }
  // Never as a flag: everybody on the machine reads the arguments of processes.
  const clientSecret = io.env["LIGHTHOUSE_OIDC_CLIENT_SECRET"];
  const { issuer, clientID, certificateAuthority: authority } = found;
  return {
    issuer,
    clientId: ownId ?? clientID,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(authority === undefined ? {} : { authority }),
  };
}
