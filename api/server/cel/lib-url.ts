import { costs } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelError, CelOpaque } from "./value.ts";

/** A URL or an absolute path, in its parts; nothing is normalised. */
class CelUrl extends CelOpaque {
  readonly typeName = "kubernetes.URL";
  readonly text: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  constructor(
    text: string,
    [scheme, host, path, query]: readonly [string, string, string, string],
  ) {
    super();
    this.text = text;
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
  equals(other: CelUrl): boolean {
    return this.text === other.text;
  }
}

const shape = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s;
// oxlint-disable-next-line no-control-regex
const unfit = /[\u0000-\u0020\u007f]|%(?![0-9A-Fa-f]{2})/;

function read(text: string): CelUrl | undefined {
  const match = shape.exec(text);
  if (match === null || unfit.test(text)) return undefined;
  const [, scheme = "", authority = "", path = "", query = ""] = match;
  // Only what names itself: with a scheme, or a path from the root.
  if (scheme === "" && !path.startsWith("/")) return undefined;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  if (!/^(\[[0-9A-Fa-f:.]+(%25[^\]]+)?\]|[^[\]:]*)(:\d*)?$/.test(host)) return undefined;
  return new CelUrl(text, [scheme.toLowerCase(), host, path, query]);
}

function toUrl(text: string): CelUrl {
  const url = read(text);
  if (url === undefined)
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  return url;
}

const hostname = ({ host }: CelUrl): string => host.replace(/:\d*$/, "").replace(/^\[|\]$/g, "");
const port = ({ host }: CelUrl): string => /:(\d*)$/.exec(host)?.[1] ?? "";

/** Values by name, in the order in which they stand. */
function queryOf({ query }: CelUrl): Record<string, readonly string[]> {
  const values: Record<string, string[]> = {};
  for (const [name, value] of new URLSearchParams(query)) (values[name] ??= []).push(value);
  return values;
}

/** Kubernetes' functions for URLs. */
export const urlFunctions: readonly FunctionEntry[] = [
  ["url(string): kubernetes.URL", toUrl, costs.scan, costs.slowText],
  ["isURL(string): bool", (text: string) => read(text) !== undefined, costs.scan, costs.slowText],
  ["kubernetes.URL.getScheme(): string", ({ scheme }: CelUrl) => scheme],
  ["kubernetes.URL.getHost(): string", ({ host }: CelUrl) => host],
  ["kubernetes.URL.getHostname(): string", hostname],
  ["kubernetes.URL.getPort(): string", port],
  ["kubernetes.URL.getEscapedPath(): string", ({ path }: CelUrl) => path],
  ["kubernetes.URL.getQuery(): map<string, list<string>>", queryOf],
];
