/** What of a pod an agent is asked for. */
export type PodPart = "log" | "exec" | "attach" | "portforward";

/** One request about a pod, as its path says it. */
export type PodRequest = {
  readonly namespace: string;
  readonly name: string;
  /** metadata.uid: a pod that came after it under the same name is another. */
  readonly uid: string;
  readonly part: PodPart;
  readonly query: URLSearchParams;
};

function isPart(text: string): text is PodPart {
  return text === "log" || text === "exec" || text === "attach" || text === "portforward";
}

/** e.g. `/pods/shop/web/log?uid=…&container=app`. */
export function podPath({ namespace, name, uid, part, query }: PodRequest): string {
  const all = new URLSearchParams(query);
  all.set("uid", uid);
  return `/pods/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/${part}?${all.toString()}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // a broken escape names nothing
  }
}

/** Reads such a path; `undefined` for any other. */
export function readPodPath(path: string): PodRequest | undefined {
  const [place = "", text = ""] = path.split("?", 2);
  const match = /^\/pods\/([^/]+)\/([^/]+)\/([a-z]+)$/.exec(place);
  if (match === null) return undefined;
  const query = new URLSearchParams(text);
  const [, namespace = "", name = "", part = ""] = match.map(decoded);
  const uid = query.get("uid") ?? "";
  if (!isPart(part) || [namespace, name, uid].includes("")) return undefined;
  return { namespace, name, uid, part, query };
}
