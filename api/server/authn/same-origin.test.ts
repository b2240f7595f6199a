import { expect, test } from "vitest";
import { checkPage, checkSameOrigin } from "./same-origin.ts";

const own = { host: "fleet.example:6443", origin: "https://fleet.example:6443" };
const ours = { ...own, "lighthouse-csrf": "1" };
type Headers = Readonly<Record<string, string>>;

const mayUseCookie = (method: string, headers: Headers): boolean => {
  try {
    checkSameOrigin({ headers, method }, "use the cookie");
    return true;
  } catch {
    return false;
  }
};

test.each<[boolean, string, Headers, string]>([
  [true, "GET", { host: "fleet.example" }, "a link that was typed"],
  [true, "GET", { ...own, "sec-fetch-site": "same-origin" }, "a page of ours reads"],
  [false, "GET", { host: "fleet.example", "sec-fetch-site": "cross-site" }, "a link elsewhere"],
  [true, "POST", ours, "a page of ours"],
  [true, "POST", { ...ours, host: "other", ":authority": "fleet.example:6443" }, "over HTTP/2"],
  [true, "POST", { ...ours, host: "x:443", origin: "https://x" }, "the port that goes unsaid"],
  [true, "POST", { ...ours, host: "[::1]:6443", origin: "https://[::1]:6443" }, "IPv6"],
  [false, "POST", own, "a page that cannot set headers"],
  [false, "POST", { host: "x", "lighthouse-csrf": "1" }, "no browser of today"],
  [true, "POST", { host: "x", "lighthouse-csrf": "1", "sec-fetch-site": "same-origin" }, "Safari"],
  [false, "POST", { ...ours, "sec-fetch-site": "none" }, "two headers that differ are one too few"],
  [false, "POST", { ...ours, origin: "https://fleet.example:6443.evil.example" }, "a suffix"],
  [false, "POST", { ...ours, origin: "https://evil.example/https://fleet.example:6443" }, "a path"],
  [false, "POST", { ...ours, origin: "null" }, "a sandboxed frame"],
  [false, "POST", { ...ours, origin: "" }, "an empty one"],
  [false, "POST", { ...ours, host: "" }, "no host"],
  [false, "GET", { host: "x", upgrade: "websocket" }, "a WebSocket of no page"],
  [true, "GET", { ...own, upgrade: "websocket" }, "a WebSocket of ours"],
  [false, "GET", { ...own, origin: "https://evil.example", upgrade: "websocket" }, "of others"],
  [false, "", own, "no method is known"],
])("%s for %s with %j: %s", (may, method, headers) => {
  expect(mayUseCookie(method, headers)).toBe(may);
});

test("checkPage() is about pages that change something without a token of their own", () => {
  const foreign = { host: "fleet.example", origin: "https://evil.example" };
  expect(() => checkPage({ headers: foreign, method: "POST" })).toThrow("https://evil.example");
  expect(() => checkPage({ headers: foreign, method: "GET" })).not.toThrow();
  const bearing = { ...foreign, authorization: "Bearer x" };
  expect(() => checkPage({ headers: bearing, method: "POST" })).not.toThrow();
  expect(() => checkPage({ headers: { host: "fleet.example" }, method: "POST" })).not.toThrow();
});
