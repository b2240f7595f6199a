import { expect, test } from "vitest";
import { checkPage, checkSameOrigin, ofPage } from "./same-origin.ts";

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

test("pages behind a proxy that names another host are judged by what the browser says", () => {
  const proxied = { host: "fleet.example", origin: "http://localhost:8001" };
  const post = (site: string) => () =>
    checkPage({ headers: { ...proxied, "sec-fetch-site": site }, method: "POST" });
  expect(post("same-origin")).not.toThrow();
  expect(post("same-site")).toThrow("http://localhost:8001");
  expect(post("cross-site")).toThrow("http://localhost:8001");
  expect(() => checkPage({ headers: proxied, method: "POST" })).toThrow("http://localhost:8001");
});

test("ofPage() leaves a foreign page the token that it brings, and no certificate", () => {
  const certificate = Uint8Array.of(1);
  const foreign = { ...own, origin: "https://evil.example", authorization: "Bearer x" };
  expect(ofPage({ headers: foreign, method: "GET", certificate, expired: certificate })).toEqual({
    headers: foreign,
    method: "GET",
  });
  const ours = { headers: { ...own, authorization: "Bearer x" }, certificate };
  expect(ofPage(ours)).toBe(ours);
  const reading = { headers: { ...own, origin: "https://evil.example" }, certificate };
  expect(ofPage(reading)).toBe(reading); // it may, and no page of another origin sees the answer
});
