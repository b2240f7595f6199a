import { StatusError } from "../../machinery/errors.ts";
import type { Credentials } from "../access.ts";

/**
 * Which requests may act by what a browser sends on its own, a cookie above all. Origin and Sec-Fetch-Site
 * are set by browsers alone, no page can forge them.
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
 */

/** The header that our pages send with whatever changes something: no other site's page can. */
export const csrfHeader = "lighthouse-csrf";

type Headers = Credentials["headers"];

const safeMethods = new Set(["GET", "HEAD"]);

const textOf = (headers: Headers, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "object" ? value.join(", ") : value;
};

function isOwnOrigin(headers: Headers, origin: string): boolean {
  const host = textOf(headers, ":authority") ?? textOf(headers, "host") ?? "";
  const own = URL.parse(`https://${host}`);
  return own !== null && URL.parse(origin)?.origin === own.origin;
}

/** Whether a page of another origin asked, as far as the browser says so. */
export function isForeign(headers: Headers): boolean {
  const origin = textOf(headers, "origin");
  return (origin !== undefined && !isOwnOrigin(headers, origin)) || isOffSite(headers);
}

/** Whether the browser says that page and server are not of one origin. */
function isOffSite(headers: Headers): boolean {
  const site = textOf(headers, "sec-fetch-site");
  return site !== undefined && site !== "same-origin" && site !== "none";
}

/**
 * The same where a proxy on the way may have named another host: `kubectl proxy` does, and the origin of its
 * own pages stays what it was. What the browser says of page and proxy holds then.
 * @see https://pkg.go.dev/net/http#CrossOriginProtection
 */
function isForeignBehindProxy(headers: Headers): boolean {
  const { "sec-fetch-site": site } = headers;
  return site === undefined ? isForeign(headers) : isOffSite(headers);
}

/** Why a request must not count by its cookie, in words that end a sentence; `undefined` if it may. */
function problemOf({ headers, method = "" }: Credentials): string | undefined {
  if (isForeign(headers)) return "a page of another origin asked";
  const upgrades = headers["upgrade"] !== undefined;
  if (safeMethods.has(method) && !upgrades) return undefined;
  const [origin, site] = [textOf(headers, "origin"), textOf(headers, "sec-fetch-site")];
  if (upgrades) return origin === undefined ? "the header Origin is missing" : undefined;
  if (site === "none") return "no page asked";
  if (origin === undefined && site === undefined) {
    return "the headers Origin and Sec-Fetch-Site are missing";
  }
  return textOf(headers, csrfHeader) === undefined
    ? `the header ${csrfHeader} is missing`
    : undefined;
}

/**
 * Refuses what a page of another origin may have made a browser send.
 * @throws StatusError `Forbidden`
 */
export function checkSameOrigin(credentials: Credentials, what: string): void {
  const problem = problemOf(credentials);
  if (problem !== undefined) throw new StatusError("Forbidden", `Cannot ${what}: ${problem}`);
}

/**
 * Refuses changes that a page of another origin makes with what its visitor's browser sends on its own: a
 * client certificate is as good as a cookie for that. Pages that bring a token are judged by that alone, see
 * {@link ofPage}.
 * @throws StatusError `Forbidden`
 */
export function checkPage({ headers, method = "" }: Credentials): void {
  if (safeMethods.has(method) || headers["authorization"] !== undefined) return;
  if (!isForeignBehindProxy(headers)) return;
  const page = textOf(headers, "origin") ?? "another origin";
  throw new StatusError(
    "Forbidden",
    `Cannot change anything for the page of ${page}: it must bring a token of its own`,
  );
}

/**
 * What counts of the credentials of a request: of one that brings a token for the page of another origin
 * that token, and nothing that the browser of its visitor added. Else any text in the place of a token would
 * let the page act by the visitor's certificate.
 */
export function ofPage(credentials: Credentials): Credentials {
  const { headers } = credentials;
  if (headers["authorization"] === undefined || !isForeign(headers)) return credentials;
  const { certificate: _visitors, expired: _visitorsToo, ...brought } = credentials;
  return brought;
}
