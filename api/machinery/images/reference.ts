/** A reference to an image as Docker reads it, every part spelled out. */
export type ImageReference = {
  /** Registry with its port, in lower case, e.g. `docker.io` or `localhost:5000`. */
  readonly domain: string;
  /** Path of the repository, e.g. `library/nginx`. */
  readonly path: string;
  readonly tag?: string;
  /** e.g. `sha256:…`. With one, the tag says nothing. */
  readonly digest?: string;
};

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const pathPattern = new RegExp(`^${component}(?:/${component})*$`);
const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const domainPattern = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[0-9a-f:]+\\])(?::\\d{1,5})?$`);
const tagPattern = /^\w[\w.-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$|^sha512:[0-9a-f]{128}$/;

/** Longest text that is looked at; Docker's names are shorter. */
const maxLength = 1_024;

/** The registry by itself, and whatever follows it. */
function splitDomain(name: string): readonly [domain: string, path: string] {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(0, slash));
  const isHost = /[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  if (slash < 0 || !isHost) return ["docker.io", name];
  const domain = first.toLowerCase();
  return [domain === "index.docker.io" ? "docker.io" : domain, name.slice(slash + 1)];
}

function splitTag(name: string): readonly [rest: string, tag: string | undefined] {
  const colon = name.lastIndexOf(":");
  if (colon <= name.lastIndexOf("/")) return [name, undefined];
  return [name.slice(0, colon), name.slice(colon + 1)];
}

/** An ID of an image, or the beginning of one: Docker looks for those where it finds no name. */
const mayBeId = (text: string): boolean => /^(?:sha256:)?[0-9a-f]+$/.test(text);

const isDigest = (text: string | undefined): boolean =>
  text === undefined || digestPattern.test(text);
const isTag = (text: string | undefined): boolean => text === undefined || tagPattern.test(text);

/**
 * Reads a reference as Docker does: without a registry it is `docker.io`, without a folder there
 * `library`. `undefined` for what Docker would refuse, and for what could be the ID of an image,
 * which says nothing of where it is from; `docker.io/library/NAME` is no ID.
 */
export function readImageReference(text: string): ImageReference | undefined {
  if (text.length > maxLength || mayBeId(text)) return undefined;
  const [tagged = "", ...digests] = text.split("@");
  const [name, tag] = splitTag(tagged);
  const [digest] = digests;
  if (digests.length > 1 || !isDigest(digest) || !isTag(tag)) return undefined;
  return named(name, {
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  });
}

type Version = Pick<ImageReference, "digest" | "tag">;

function named(name: string, version: Version): ImageReference | undefined {
  const [domain, rest] = splitDomain(name);
  const path = domain === "docker.io" && !rest.includes("/") ? `library/${rest}` : rest;
  if (!domainPattern.test(domain) || !pathPattern.test(path)) return undefined;
  return { domain, path, ...version };
}
