import type { Client } from "../../api/client/client.ts";
import { whoAmI } from "./auth-api.ts";

/** The Session that a request came by, among what a server says of a user. */
const sessionExtra = "lighthouse.dev/session";

/** The User that these credentials are a login of, and its Session; `undefined` for all other users. */
export async function ownUser(
  client: Client,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly session: string } | undefined> {
  const { username, extra } = await whoAmI(client, signal);
  const [session] = extra?.[sessionExtra] ?? [];
  return session === undefined ? undefined : { name: username, session };
}
