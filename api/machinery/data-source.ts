/** Data that a volume of a pod shall hold before its first container starts. */
export type DataSource = {
  /** Name of an emptyDir volume of the pod. */
  readonly volume: string;
  /** http or https, without its fragment. */
  readonly url: string;
  /** Of what is downloaded: 64 hexadecimal digits, lower case. */
  readonly sha256: string;
};

/** Annotations with this prefix name a volume: `data.lighthouse.dev/input: URL#sha256=HEX`. */
export const dataPrefix = "data.lighthouse.dev/";

const maxUrlLength = 2048;

/**
 * One annotation's value. The fragment carries the checksum as Python's package index has it (PEP 503):
 * it is never sent to the server.
 *
 * @returns what is wrong, in words, for a value that is no such URL
 */
export function parseDataSource(volume: string, value: string): DataSource | string {
  if (value.length > maxUrlLength) return `must be no more than ${maxUrlLength} characters`;
  const url = URL.parse(value);
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    return "must be an http or https URL";
  if (url.username !== "" || url.password !== "") return "must not hold a user or password";
  const sha256 = /^#sha256=([0-9a-f]{64})$/i.exec(url.hash)?.[1];
  if (sha256 === undefined) return "must end with #sha256= and 64 hexadecimal digits";
  url.hash = "";
  return { volume, url: url.href, sha256: sha256.toLowerCase() };
}

/** The sources that annotations name; values that are none are left out, as admission refuses them. */
export function dataSources(
  annotations: Readonly<Record<string, string>> = {},
): readonly DataSource[] {
  return Object.entries(annotations).flatMap(([name, value]) => {
    if (!name.startsWith(dataPrefix)) return [];
    const source = parseDataSource(name.slice(dataPrefix.length), value);
    return typeof source === "string" ? [] : [source];
  });
}
