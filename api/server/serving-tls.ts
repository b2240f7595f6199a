import type { App } from "./http.ts";
import type { Pki } from "./pki.ts";

/** What TLS takes: PEM texts. */
export type TlsMaterial = { readonly key: string; readonly cert: string; readonly ca: string };

/**
 * The part of our certificates that a listener needs. Behind its own certificate it shows how the newest
 * root leads to those before it: who trusts only an older one gets in, and learns the newer.
 */
export function tlsMaterial({ serving, cross, authority }: Pki): TlsMaterial {
  return { key: serving.key, cert: `${serving.certificate}${cross}`, ca: authority };
}

/** From now on new connections get these; open ones keep what they have. */
export function useMaterial({ server }: App, material: TlsMaterial): void {
  if ("setSecureContext" in server && typeof server.setSecureContext === "function") {
    server.setSecureContext(material);
  }
}
