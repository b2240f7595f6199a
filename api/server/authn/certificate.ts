import { X509Certificate } from "node:crypto";
import type { Authenticator, User } from "../access.ts";
import { mastersGroup } from "../authz/rbac-authorizer.ts";

/** Undoes the escapes of a printed subject: `\\,` is a comma, `\\0A` the byte 10. */
const unescaped = (value: string): string =>
  value.replaceAll(/\\([0-9A-F]{2}|.)/g, (_match, code: string) =>
    code.length === 2 ? String.fromCharCode(Number.parseInt(code, 16)) : code,
  );

/** Values of one attribute of a subject, e.g. all O; node prints one `KEY=value` per line. */
const attribute = (subject: string, key: string): readonly string[] =>
  subject
    .split("\n")
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => unescaped(line.slice(key.length + 1)));

/** The user that a certificate stands for, DER; `undefined` when it names none. */
export function userOf(certificate: Uint8Array): User | undefined {
  const { subject } = new X509Certificate(certificate);
  const [name] = attribute(subject, "CN");
  return name === undefined || name === "" ? undefined : { name, groups: attribute(subject, "O") };
}

/**
 * Knows users by client certificates: CN is the user, each O a group. The certificate must have
 * been verified against our authority before; one connection's is parsed once. A person who is put out is
 * that by certificate, too; not an administrator's, which is the way back in.
 *
 * @param isDisabled whether there is a User object of that name that is disabled; asked with each request
 */
export function certificateAuthenticator(isDisabled: (name: string) => boolean): Authenticator {
  const known = new WeakMap<Uint8Array, { readonly user: User | undefined }>();
  return {
    async authenticate({ certificate }) {
      if (certificate === undefined) return undefined;
      let entry = known.get(certificate);
      if (entry === undefined) {
        entry = { user: userOf(certificate) };
        known.set(certificate, entry);
      }
      const { user } = entry;
      if (user === undefined || user.groups.includes(mastersGroup)) return user;
      return isDisabled(user.name) ? undefined : user;
    },
  };
}
