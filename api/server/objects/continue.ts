import { badRequest, StatusError } from "../../machinery/errors.ts";
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

/** @throws StatusError `BadRequest` for anything that {@link encodeContinue} does not write */
export function decodeContinue(text: string): ContinueToken {
  let token: unknown;
  try {
    token = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch (err) {
    throw badRequest("continue key is not valid: it is no token of this server", { cause: err });
  }
  if (typeof token === "object" && token !== null && "v" in token && token.v === version) {
    const { rv, start } = token as { readonly rv?: unknown; readonly start?: unknown };
    // The start only ever narrows its own collection, so it needs no check against "..".
    if (Number.isSafeInteger(rv) && typeof start === "string" && start !== "") {
      return { revision: rv as number, start };
    }
  }
  throw badRequest("continue key is not valid: it is no token of this server");
}

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
