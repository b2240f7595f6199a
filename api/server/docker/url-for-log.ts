import { nodePathOf } from "./node-path.ts";

/** Their values are often credentials: arguments of a build, addresses with a password in them. */
const secrets = new Set(["buildargs", "changes", "fromsrc", "labels", "remote"]);

function nameOf(pair: string): string {
  const [name = ""] = pair.split("=", 1);
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}

/** The URL of a request as logs may keep it. */
export function urlForLog(url: string): string {
  const mark = url.indexOf("?");
  if (mark < 0 || nodePathOf(url) === undefined) return url;
  const pairs = url.slice(mark + 1).split("&");
  const shown = pairs.map((pair) => {
    return secrets.has(nameOf(pair)) ? `${pair.split("=", 1)[0] ?? ""}=REDACTED` : pair;
  });
  return `${url.slice(0, mark)}?${shown.join("&")}`;
}
