import { nodePathOf } from "./node-path.ts";

/** Their values are often credentials: arguments of a build, addresses with a password in them. */
const dockerSecrets: ReadonlySet<string> = new Set([
  "buildargs",
  "changes",
  "fromsrc",
  "labels",
  "remote",
]);
const nothing: ReadonlySet<string> = new Set();

function nameOf(pair: string): string {
  const [name = ""] = pair.split("=", 1);
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}

/** Credentials wherever they stand: of one-time links, of OIDC, and of what proxies lead to. */
const credentials =
  /^(?:(?:access|id|refresh|setup|one-?time)[-_]?)?token$|^(?:pass(?:word|wd)?|client_secret|secret|code|api[-_]?key|sig|signature)$/;

/** The URL of a request as logs may keep it. */
export function urlForLog(url: string): string {
  const mark = url.indexOf("?");
  if (mark < 0) return url;
  const secrets = nodePathOf(url) === undefined ? nothing : dockerSecrets;
  const pairs = url.slice(mark + 1).split("&");
  const shown = pairs.map((pair) => {
    const name = nameOf(pair);
    return secrets.has(name) || credentials.test(name)
      ? `${pair.split("=", 1)[0] ?? ""}=REDACTED`
      : pair;
  });
  return `${url.slice(0, mark)}?${shown.join("&")}`;
}
