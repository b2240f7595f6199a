import { authorityPath } from "../../api/client/join-link.ts";
import { readText } from "../read.ts";
import { withClient } from "./auth-api.ts";
import type { LoginState } from "./login-state.ts";

const plain = (pem: string): string => pem.replaceAll(/\s+/g, "");

/**
 * The login with the roots that its server has now, in its kubeconfig as well: while an authority is
 * rotated, whoever is about takes up the new root before the old one goes.
 */
export async function followAuthority(state: LoginState, signal: AbortSignal): Promise<LoginState> {
  const { authority: before, context, server, kubeconfig } = state;
  if (before === undefined) return state;
  const request = { method: "GET", path: authorityPath, accept: "*/*" } as const;
  // Over a connection that the old roots vouch for: nobody else says which the new ones are.
  const after = await withClient(state, async (client) =>
    readText(await client.raw(request, signal)),
  );
  if (!after.includes("BEGIN CERTIFICATE") || plain(after) === plain(before)) return state;
  if (kubeconfig !== undefined) {
    const { replaceAuthority } = await import("./kubeconfig-edit.ts");
    await replaceAuthority(kubeconfig, { name: context, server, before, after }, signal);
  }
  return { ...state, authority: after };
}
