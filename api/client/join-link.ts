import { createHash, X509Certificate } from "node:crypto";
import { badRequest } from "../machinery/errors.ts";

/** Everything that a host needs to join, in one line: `lighthouse://HOST:PORT?token=..&ca=sha256:..`. */
export type JoinLink = {
  /** e.g. `https://lighthouse.example.com:6443`. */
  readonly server: string;
  /** A bootstrap token, `id.secret`. */
  readonly token: string;
  /** `sha256:` and the hash of the authority's SubjectPublicKeyInfo (DER), in hex: as kubeadm pins it. */
  readonly caHash: string;
  /** The beacon that the token was made for; absent: the host says. */
  readonly beacon?: string;
};

/** Where every API server shows the certificate of its authority, PEM, to everybody. */
export const authorityPath = "/.well-known/lighthouse/ca.crt";

/** How authorities are pinned: the hash of the SubjectPublicKeyInfo of a certificate (PEM).
 * @throws Error when it is no certificate */
export function authorityHash(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
  return `sha256:${createHash("sha256").update(spki).digest("hex")}`;
}

const scheme = "lighthouse:";
const tokenPattern = /^[a-z0-9]{6}\.[a-z0-9]{16}$/;
const hashPattern = /^sha256:[0-9a-f]{64}$/;

/** The part of a token that is no secret. */
export function tokenId(token: string): string {
  return token.split(".", 1)[0] ?? "";
}

/** The text of a link. Shells take it as one word only in quotes: it has a `&`. */
export function formatJoinLink({ server, token, caHash, beacon }: JoinLink): string {
  const { host, port } = new URL(server);
  const place = port === "" ? `${host}:443` : host;
  const name = beacon === undefined ? "" : `&beacon=${encodeURIComponent(beacon)}`;
  return `${scheme}//${place}?token=${token}&ca=${caHash}${name}`;
}

const wrong = (why: string): Error =>
  badRequest(
    `Cannot use the join link: ${why}; copy it whole, in quotes, from "lighthouse token create"`,
  );

/**
 * Checks the parts of a link.
 * @throws StatusError `BadRequest` naming the part that is missing or wrong; never with the token
 */
export function checkJoinLink(link: JoinLink): JoinLink {
  const { server, token, caHash } = link;
  if (!URL.canParse(server) || new URL(server).hostname === "") {
    throw wrong(`the server is "${server}", expected https://HOST:PORT`);
  }
  if (!tokenPattern.test(token)) {
    throw wrong(`the token is ${token === "" ? "missing" : "not of the form ID.SECRET"}`);
  }
  if (caHash === "")
    throw wrong("the hash of the certificate authority is missing (ca=sha256:...)");
  if (!hashPattern.test(caHash)) {
    throw wrong(
      `the hash of the certificate authority is "${caHash}", expected sha256: and 64 hex digits`,
    );
  }
  return link;
}

/** The inverse of {@link formatJoinLink}. @throws StatusError `BadRequest` */
export function parseJoinLink(text: string): JoinLink {
  if (!text.startsWith(`${scheme}//`) || !URL.canParse(text)) {
    throw wrong("it does not begin with lighthouse://HOST:PORT");
  }
  // As https, so that the host is read by the rules of such URLs.
  const url = new URL(`https:${text.slice(scheme.length)}`);
  const value = (name: string): string => url.searchParams.get(name) ?? "";
  const beacon = value("beacon");
  return checkJoinLink({
    server: `https://${url.host}`,
    token: value("token"),
    caHash: value("ca").toLowerCase(),
    ...(beacon === "" ? {} : { beacon }),
  });
}
