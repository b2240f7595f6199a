import type { AddressInfo } from "node:net";
import type { SecureServerOptions } from "node:http2";
import type { ListenAddress } from "./config.ts";
import type { App } from "./http.ts";

/**
 * How long a peer may take, in milliseconds. They bound what a stranger can hold open: nobody is
 * authenticated before the headers are there. Answers, watches among them, are not bounded.
 */
export const listenerLimits = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  /** From the first byte of an HTTP/1.1 request to the last of its body. */
  requestTimeout: 60_000,
  connectionsCheckingInterval: 5_000,
} as const satisfies SecureServerOptions & Readonly<Record<string, number>>;

const hints: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "this user may not open the port",
  ENOTFOUND: "the name is not known",
};

/** @returns where the server listens now; the port is never 0. @throws Error with the way out */
export async function listenOn(app: App, { host, port }: ListenAddress): Promise<ListenAddress> {
  try {
    await app.listen({ host, port, listenTextResolver: () => "listening" });
  } catch (err) {
    const code = err instanceof Error && "code" in err ? String(err.code) : "";
    const known = Object.hasOwn(hints, code) ? hints[code] : undefined;
    const why = known ?? (err instanceof Error ? err.message : String(err));
    throw new Error(
      `Cannot listen on ${host}:${port}: ${why}; choose another address with --listen`,
      { cause: err },
    );
  }
  const bound = app.server.address() as AddressInfo;
  return { host, port: bound.port };
}
