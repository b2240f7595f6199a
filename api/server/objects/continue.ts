import { badRequest, StatusError } from "../../machinery/errors.ts";
import { maxKeyBytes } from "../../store/keys.ts";
import type { Revision } from "../../store/store.ts";

/** Where the next page of a list begins. */
export type ContinueToken = {
  /** The revision of the first page; less than 0 reads the newest state, inconsistently. */
  readonly revision: Revision;
  /** The last key of the page before, without the prefix of its collection. */
  readonly start: string;
};

const version = "meta.k8s.io/v1";

/** The opaque text form. */
export function encodeContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: version, rv: revision, start })).toString("base64url");
}

/** Escaped names and the slash between namespace and name: nothing else is in a key. */
const startPattern = /^[A-Za-z0-9\-_.!~*'()%]+(?:\/[A-Za-z0-9\-_.!~*'()%]+)?$/;

/** @throws StatusError `BadRequest` for anything that {@link encodeContinue} does not write */
export function decodeContinue(text: string): ContinueToken {
  const token = parsed(text);
  const { v, rv, start } = token;
  // The start only ever narrows its own collection, so ".." leads nowhere.
  const known = v === version && typeof start === "string" && start.length <= maxKeyBytes;
  if (known && startPattern.test(start) && isRevision(rv)) return { revision: rv, start };
  throw badRequest("continue key is not valid: it is no token of this server");
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const token: unknown = JSON.parse(Buffer.from(text, "base64url").toString());
    if (typeof token === "object" && token !== null) return { ...token };
  } catch (err) {
    throw badRequest("continue key is not valid: it is no token of this server", { cause: err });
  }
  return {};
}

const isRevision = (value: unknown): value is Revision =>
  Number.isSafeInteger(value) && (value === -1 || Number(value) > 0);

/** The page's revision is gone. The answer carries a token that goes on with the newest state. */
export class ExpiredToken extends StatusError {
  /** For `metadata.continue` of the Status. */
  readonly continueToken: string;

  constructor({ start }: ContinueToken) {
    super(
      "Expired",
      "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results",
    );
    this.continueToken = encodeContinue({ revision: -1, start });
  }
}
