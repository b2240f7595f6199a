import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fetchAuthority, pinnedAuthority } from "../../api/client/fetch-authority.ts";
import { authorityHash, authorityPath } from "../../api/client/join-link.ts";
import { type Call, Misuse, text } from "../command.ts";
import { readText } from "../read.ts";
import { withClient } from "./auth-api.ts";

/** A server and by whom its certificate must be signed. */
export type TrustedServer = {
  readonly server: string;
  /** PEM; absent: the public authorities. */
  readonly authority?: string;
};

const defaultPort = 6443;

/** The URL of a server as people type it: `HOST`, `HOST:PORT` or a URL. @throws Misuse */
export function serverUrlOf(typed: string): string {
  const isUrl = typed.includes("://");
  const url = isUrl ? typed : `https://${typed}`;
  const wrong = new Misuse(`SERVER must be HOST:PORT or https://HOST:PORT, is "${typed}"`);
  if (!URL.canParse(url)) throw wrong;
  const { protocol, hostname, port, pathname, search, hash, username } = new URL(url);
  if (protocol !== "https:" || search + hash + username !== "") throw wrong;
  const path = pathname.replace(/\/+$/, "");
  // A port that is the default of https is left out by the parser, though it was meant.
  const hasPort = port !== "" || isUrl || /:\d+\/*$/.test(typed);
  return `https://${hostname}${hasPort ? (port === "" ? "" : `:${port}`) : `:${defaultPort}`}${path}`;
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new Error(`Cannot read the certificate authority at ${path}: ${String(cause)}`, {
      cause,
    });
  }
}

const pinPattern = /^sha256:[0-9a-f]{64}$/;

/** @throws Misuse for a pin that is none; WrongAuthority when the server shows another authority */
async function byPin({ signal }: Call, server: string, typed: string): Promise<TrustedServer> {
  const pin = typed.toLowerCase();
  if (!pinPattern.test(pin)) {
    throw new Misuse(`--ca-pin must be sha256: and 64 hex digits, is "${typed}"`);
  }
  return { server, authority: pinnedAuthority(server, await fetchAuthority(server, signal), pin) };
}

/** Whether a public authority vouches for the server. */
async function isPublic(server: string, signal: AbortSignal): Promise<boolean> {
  try {
    const request = { method: "GET", path: authorityPath, accept: "*/*" } as const;
    await withClient({ server }, async (client) => readText(await client.raw(request, signal)));
    return true;
  } catch {
    signal.throwIfAborted();
    return false; // whatever it was, the next look says it in its own words
  }
}

async function byAsking({ io, signal }: Call, server: string): Promise<TrustedServer> {
  const { authority } = await fetchAuthority(server, signal);
  const pin = authorityHash(authority);
  if (io.ask === undefined) {
    throw new Error(
      `Cannot trust ${server}: its authority ${pin} is not known here; compare it with that of the server and repeat with --ca-pin ${pin}`,
    );
  }
  io.err(
    `The authority of ${server} is not known here. Its fingerprint is\n  ${pin}\n` +
      'The server prints it with "lighthouse token create", administrators know it.\n',
  );
  const answer = await io.ask("Trust it? [y/N] ", { signal });
  if (!/^y(es)?$/i.test(answer.trim())) throw new Error(`Not trusted: ${server}`);
  return { server, authority: pinnedAuthority(server, { authority }, pin) };
}

/**
 * How a server is to be trusted: by a file, a pin, what is `known` of it, a public authority, or in the
 * end because a person compared its fingerprint.
 * @throws Error that shows the fingerprint where nobody can be asked
 */
export async function trustServer(
  call: Call,
  server: string,
  known: TrustedServer | undefined,
): Promise<TrustedServer> {
  const file = text(call.flags, "certificate-authority");
  const pin = text(call.flags, "ca-pin");
  if (file !== undefined) return { server, authority: await readAuthority(resolve(file)) };
  if (pin !== undefined) return byPin(call, server, pin);
  if (known?.server === server) return known;
  return (await isPublic(server, call.signal)) ? { server } : byAsking(call, server);
}
