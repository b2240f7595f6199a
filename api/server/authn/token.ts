import { hash } from "node:crypto";
import type { Credentials } from "../access.ts";

/** The form in which tokens are compared and kept: who reads the table learns no token. */
export function tokenHash(token: string): string {
  return hash("sha256", token, "base64url");
}

/** The token of an `Authorization: Bearer` header; `undefined` without one. */
export function bearerToken({ headers }: Credentials): string | undefined {
  const { authorization } = headers;
  if (typeof authorization !== "string") return undefined;
  // Tokens are long, and several authenticators ask: an expression would take longer than all the rest.
  if (authorization.slice(0, 7).toLowerCase() !== "bearer ") return undefined;
  const token = authorization.slice(7).trimStart();
  return token === "" || token.includes(" ") || token.includes("\t") ? undefined : token;
}
