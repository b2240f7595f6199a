/** Where the certificate authority is looked after; who may do so is a rule for this URL and those below it. */
export const rotationPath = "/authority";

/** One root certificate. */
export type RootStatus = {
  /** 16 hex digits of the hash of its public key. */
  readonly root: string;
  /** `Dropped` ones are not trusted; what they certified may ask to be let in again. */
  readonly state: "Issuing" | "Trusted" | "Dropped";
  /** RFC 3339. */
  readonly notBefore: string;
  /** RFC 3339. */
  readonly notAfter: string;
};

/** What `GET /authority` answers. */
export type AuthorityStatus = {
  /** `Spreading`: a new root is made known; `Issuing`: it issues, the old one is trusted; `Stable`: none else is. */
  readonly phase: "Spreading" | "Issuing" | "Stable";
  /** When the phase began, RFC 3339; absent before the first rotation. */
  readonly since?: string;
  readonly roots: readonly RootStatus[];
  /** Beacons with agents whose certificates are of another root than the one that issues. */
  readonly behind: readonly string[];
};

/** Header of every answer: which roots, in which order, its server trusts. Agents learn them anew when it changes. */
export const rootsHeader = "lighthouse-roots";

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM text, one text each, in order. */
export function pemBlocks(pem: string): readonly string[] {
  return pem.match(block) ?? [];
}

const endMark = "-----END CERTIFICATE-----";

/**
 * What {@link rootsHeader} says for a bundle (PEM): the same for the same roots in the same order. The end of
 * a certificate is the end of its signature, which no two have in common. No secret, and trusted by nobody.
 */
export function rootsMark(pem: string): string {
  return pemBlocks(pem)
    .map((one) =>
      one
        .replace(endMark, "")
        .replaceAll(/[^0-9A-Za-z]/g, "")
        .slice(-16),
    )
    .join(".");
}
