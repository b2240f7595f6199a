import { commonPasswords } from "./common-passwords.ts";

/** Whose password it shall be: it must not be made of that. */
export type PasswordOwner = { readonly name: string; readonly email: string };

const minCharacters = 12;
/** Longer ones gain nothing, and hashing megabytes would cost the server. */
export const maxPasswordBytes = 1_024;
const fewestDistinct = 5;

const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const lower = (text: string): string => text.normalize("NFKC").toLowerCase();

/** What is left of a password without the digits and signs that people put around a word. */
const core = (text: string): string => lower(text).replaceAll(/[^\p{L}]+/gu, "");

/** Whether it is a common one, perhaps with digits and signs. Of random digits little is left. */
function isCommon(password: string): boolean {
  const word = core(password);
  const isMostOfIt = word.length >= 4 && word.length * 3 >= password.length;
  return commonPasswords.has(lower(password)) || (isMostOfIt && commonPasswords.has(word));
}

/** Whether the password is little more than a word that everybody can guess. */
function isMadeOf(password: string, word: string): boolean {
  const plain = lower(word);
  return plain !== "" && lower(password).includes(plain) && password.length - plain.length < 8;
}

/**
 * What is wrong with a password, in words that end a sentence; `undefined` when it will do. Length
 * counts, not the mix of characters.
 * @see https://pages.nist.gov/800-63-4/sp800-63b.html#password
 */
export function passwordProblem(password: string, owner: PasswordOwner): string | undefined {
  if (Buffer.byteLength(password) > maxPasswordBytes)
    return `it is longer than ${maxPasswordBytes} bytes`;
  if (hidden.test(password)) return "it holds a control character";
  const characters = Array.from(password);
  if (characters.length < minCharacters) return `it is shorter than ${minCharacters} characters`;
  if (new Set(characters).size < fewestDistinct) {
    return `it is made of fewer than ${fewestDistinct} different characters`;
  }
  if (isCommon(password)) return "it is one of those that everybody tries first";
  const [mailbox = ""] = owner.email.split("@");
  const ofOwner = [owner.name, owner.email, ...(mailbox.length < 4 ? [] : [mailbox])];
  return ofOwner.some((word) => isMadeOf(password, word))
    ? "it is made of the name or the email"
    : undefined;
}
