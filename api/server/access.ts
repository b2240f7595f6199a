import type { RequestInfo } from "./objects/request-info.ts";

/** Who sent a request. */
export type User = {
  /** e.g. `admin` or `system:serviceaccount:shop:deployer`. */
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  /** Who really sent it, when the request impersonates this user. */
  readonly actor?: User;
};

/** What an authenticator may look at; one view over HTTP/1.1 and HTTP/2. */
export type Credentials = {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Of HTTP, e.g. `GET`; absent where there is no request, e.g. in a review. */
  readonly method?: string;
  /** The client certificate, DER, once TLS has verified it against our CA. */
  readonly certificate?: Uint8Array;
  /**
   * In its place: the client certificate, DER, that TLS calls expired, or of no root that it trusts (any
   * more). That our CA issued it is not verified, that the caller has its key is.
   */
  readonly expired?: Uint8Array;
  /**
   * The request was accepted with these credentials and goes on. Only what takes them back counts now;
   * that a token has ended, or was replaced by a newer one, does not.
   */
  readonly ongoing?: true;
  /** Told who asks to act as somebody else, before it is decided whether they may. */
  readonly onImpersonation?: (caller: User) => void;
};

/** Finds out who sent a request, impersonation included. */
export interface Authenticator {
  /** `undefined`: nobody we know, answered 401.
   * @throws StatusError `Forbidden` when impersonation is not allowed. */
  authenticate(credentials: Credentials): Promise<User | undefined>;
}

/** The answer to "may this user do that"; `reason` ends the sentence of the 403. */
export type Decision = { readonly allowed: boolean; readonly reason?: string };

/** Judges requests by their attributes, never by their URL. */
export interface Authorizer {
  authorize(user: User, request: RequestInfo): Promise<Decision>;
}
