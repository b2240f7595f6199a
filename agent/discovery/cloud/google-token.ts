import { createSign } from "node:crypto";
import { badRequest, unavailable } from "../../../api/machinery/errors.ts";
import { askJson, form, textAt } from "./http.ts";

const scope = "https://www.googleapis.com/auth/compute.readonly";
const lifetimeSeconds = 600;

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

function parseKey(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest("Cannot use key.json of the Secret: it is not JSON", { cause });
  }
}

/**
 * An access token for the key of a Google service account, by a signed JWT (RFC 7523,
 * developers.google.com/identity/protocols/oauth2/service-account).
 *
 * @throws StatusError `BadRequest` for a text that is no such key, `Unauthorized` for one that Google refuses
 */
export async function serviceAccountToken(text: string, signal: AbortSignal): Promise<string> {
  const key = parseKey(text);
  const [email, privateKey] = [textAt(key, "client_email"), textAt(key, "private_key")];
  const url = textAt(key, "token_uri") || "https://oauth2.googleapis.com/token";
  if (email === "" || privateKey === "" || !url.startsWith("https://"))
    throw badRequest(
      "Cannot use key.json of the Secret: want a service account's key with client_email, private_key and token_uri by https",
    );
  const nowSeconds = Math.floor(Date.now() / 1000);
  const claims = {
    iss: email,
    scope,
    aud: url,
    iat: nowSeconds,
    exp: nowSeconds + lifetimeSeconds,
  };
  const signed = `${part({ alg: "RS256", typ: "JWT" })}.${part(claims)}`;
  const signature = sign(signed, privateKey);
  const body = form({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: `${signed}.${signature}`,
  });
  const doing = `get a token for ${email}`;
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  const token = textAt(
    await askJson({ method: "POST", url, headers, body, doing, signal }),
    "access_token",
  );
  if (token === "") throw unavailable(`Cannot ${doing}: the answer has none`);
  return token;
}

function sign(text: string, privateKey: string): string {
  try {
    return createSign("RSA-SHA256").update(text).sign(privateKey, "base64url");
  } catch (cause) {
    throw badRequest("Cannot use key.json of the Secret: its private_key is none", { cause });
  }
}
