import { badRequest } from "../errors.ts";

/** Values of a query in their order; a name may come several times. */
export type DockerQuery = readonly (readonly [name: string, value: string])[];

/** A path and query of the Engine API, decoded exactly once. */
export type DockerUrl = {
  /** e.g. `1.41`; empty without one. */
  readonly version: string;
  /** Below the version, without a trailing slash, e.g. `/containers/web/json`. */
  readonly path: string;
  readonly query: DockerQuery;
};

/** Before it, `POST /containers/NAME/start` took a whole HostConfig. */
const oldestMinor = 24;

const refuse = (why: string): never => {
  throw badRequest(`Cannot read the path of the Docker API: ${why}`);
};

/** Whether a text has a character that no name has: a control, or one that decoders disagree on. */
function hasOddCharacter(text: string): boolean {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20 || code === 0x7f || '\\%?#"<>'.includes(character)) return true;
  }
  return false;
}

function decodeOnce(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(`${what} is not encoded as a URL must be`);
  }
}

/**
 * What a segment stands for. Docker decodes a path once and then cleans it, so whatever a second
 * decoder or a cleaner would change is refused: the table and the engine must see the same path.
 */
function segmentOf(raw: string): string {
  const text = decodeOnce(raw, "a segment");
  if (text === "") return refuse("it has an empty segment");
  if (text === "." || text === "..") return refuse(`it has a segment "${text}"`);
  if (text.includes("/")) return refuse("it has an encoded slash");
  if (hasOddCharacter(text)) return refuse("it has a character that no name may have");
  return text;
}

function versionOf(segment: string | undefined): string | undefined {
  const match = /^v1\.(\d{1,3})$/.exec(segment ?? "");
  if (match === null) return undefined;
  if (Number(match[1]) < oldestMinor)
    return refuse(`API version 1.${match[1]} is too old, want 1.${oldestMinor} or newer`);
  return `1.${match[1]}`;
}

// `;` separates values for engines that were built with Go before 1.17, and for no other.
function readQuery(raw: string): DockerQuery {
  if (raw === "") return [];
  if (raw.includes(";")) return refuse("its query has a semicolon");
  return raw.split("&").map((pair) => {
    const mark = pair.indexOf("=");
    const text = (part: string): string => decodeOnce(part.replaceAll("+", " "), "its query");
    const name = text(mark < 0 ? pair : pair.slice(0, mark));
    const value = mark < 0 ? "" : text(pair.slice(mark + 1));
    if (name === "" || hasOddCharacter(name)) return refuse("its query has a value without a name");
    if (value.includes("\0")) return refuse("its query has a NUL");
    return [name, value] as const;
  });
}

/**
 * Reads what follows `/api/v1/nodes/NAME/proxy`, as it was sent, e.g. `/v1.41/containers/json?all=1`.
 * @throws StatusError `BadRequest` for what the engine might read otherwise than we do
 */
export function readDockerUrl(raw: string): DockerUrl {
  const mark = raw.indexOf("?");
  const path = mark < 0 ? raw : raw.slice(0, mark);
  if (path !== "" && !path.startsWith("/")) return refuse("it does not begin with a slash");
  const segments = path === "" || path === "/" ? [] : path.slice(1).split("/").map(segmentOf);
  const version = versionOf(segments[0]);
  const rest = version === undefined ? segments : segments.slice(1);
  return {
    version: version ?? "",
    path: `/${rest.join("/")}`,
    query: mark < 0 ? [] : readQuery(raw.slice(mark + 1)),
  };
}

const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%40", "@");

/** The URL anew, from what was read and judged: nothing of the text that was sent is left. */
export function dockerUrlText({ version, path, query }: DockerUrl): string {
  const prefix = version === "" ? "" : `/v${version}`;
  const cleaned = path.split("/").map(encoded).join("/");
  const values = query.map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  return `${prefix}${cleaned}${values.length === 0 ? "" : `?${values.join("&")}`}`;
}

/** The first value of a name, as Docker reads it; `undefined` without one. */
export function queryValue(query: DockerQuery, name: string): string | undefined {
  return query.find(([one]) => one === name)?.[1];
}
