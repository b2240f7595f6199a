import type { EventEmitter } from "node:events";
import type { SecureContext, TLSSocket } from "node:tls";
import type { ExternalCertificates } from "./external-tls.ts";
import type { App } from "./http.ts";
import type { LivePki } from "./live-pki.ts";
import type { Pki } from "./pki.ts";
import { certificatesIn, isIssuedBy } from "./pki/inspect.ts";

/** What TLS takes: PEM texts, and who chooses another certificate by the name that is asked for. */
export type TlsMaterial = {
  readonly key: string;
  readonly cert: string;
  readonly ca: string;
  readonly SNICallback?: (
    serverName: string,
    done: (err: Error | null, context?: SecureContext) => void,
  ) => void;
};

/**
 * Our own certificate. Behind it goes how the newest root leads to those before it: who trusts only an
 * older one gets in, and learns the newer.
 */
export function tlsMaterial({ serving, cross, authority }: Pki): TlsMaterial {
  return { key: serving.key, cert: `${serving.certificate}${cross}`, ca: authority };
}

/** What a listener shows. */
export interface ServingTls {
  readonly material: () => TlsMaterial;
  /** From now on, and after every change, new connections get what is right; open ones keep what they have. */
  serve(app: App): void;
  run(signal: AbortSignal): Promise<void>;
}

/** Connections whose client certificate was verified, for as long as they are there. */
function verified(server: EventEmitter): ReadonlySet<TLSSocket> {
  const sockets = new Set<TLSSocket>();
  server.on("secureConnection", (socket: TLSSocket) => {
    if (!socket.authorized) return;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  return sockets;
}

/** Ends those whose certificate is not of our own authority: they are verified anew when they come back. */
function endThoseOfOthers(sockets: ReadonlySet<TLSSocket>, authority: string): void {
  const own = certificatesIn(authority);
  for (const socket of sockets) {
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined && !own.some((root) => isIssuedBy(certificate, root)))
      socket.destroy();
  }
}

/** Our own certificate for everybody who asks for none of the names of `external`. */
export function servingTls(pki: LivePki, external: ExternalCertificates | undefined): ServingTls {
  let refresh = (): void => undefined;
  let sockets: ReadonlySet<TLSSocket> = new Set();
  const authorities = (): string => `${pki.current().authority}${external?.clientCa() ?? ""}`;
  const material = (): TlsMaterial => {
    const own = { ...tlsMaterial(pki.current()), ca: authorities() };
    if (external === undefined) return own;
    return {
      ...own,
      SNICallback(serverName, done) {
        done(null, external.context(serverName, authorities()));
      },
    };
  };
  return {
    material,
    serve({ server }) {
      refresh = () => {
        if ("setSecureContext" in server && typeof server.setSecureContext === "function") {
          server.setSecureContext(material());
        }
      };
      pki.onChange(() => refresh());
      if (external !== undefined) sockets = verified(server);
    },
    async run(signal) {
      let before = external?.clientCa();
      await external?.follow(signal, () => {
        refresh();
        if (external.clientCa() === before) return;
        before = external.clientCa();
        endThoseOfOthers(sockets, pki.current().authority);
      });
    },
  };
}
