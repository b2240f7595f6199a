import fc from "fast-check";
import { expect, test } from "vitest";
import { formatJoinLink, type JoinLink, parseJoinLink } from "./join-link.ts";

const caHash = `sha256:${"ab".repeat(32)}`;
const token = "abcdef.0123456789abcdef";

test.each<[string, JoinLink, string]>([
  [
    "a name and a port",
    { server: "https://lighthouse.example.com:6443", token, caHash },
    `lighthouse://lighthouse.example.com:6443?token=${token}&ca=${caHash}`,
  ],
  [
    "the port of https",
    { server: "https://10.0.0.1", token, caHash },
    `lighthouse://10.0.0.1:443?token=${token}&ca=${caHash}`,
  ],
  [
    "IPv6, and a beacon",
    { server: "https://[2001:db8::1]:6443", token, caHash, beacon: "paris" },
    `lighthouse://[2001:db8::1]:6443?token=${token}&ca=${caHash}&beacon=paris`,
  ],
])("formatJoinLink() and parseJoinLink() agree on %s", (_what, link, text) => {
  expect(formatJoinLink(link)).toBe(text);
  expect(parseJoinLink(text)).toEqual(link);
});

test.each([
  ["nothing", "", "it does not begin with lighthouse://HOST:PORT"],
  ["another scheme", "https://x:1?token=a", "it does not begin with lighthouse://HOST:PORT"],
  ["half of it: the shell cut it at &", `lighthouse://x:1?token=${token}`, "ca=sha256:..."],
  ["no token", `lighthouse://x:1?ca=${caHash}`, "the token is missing"],
  ["half a token", `lighthouse://x:1?token=abcdef&ca=${caHash}`, "not of the form ID.SECRET"],
  ["a short hash", `lighthouse://x:1?token=${token}&ca=sha256:ab`, "64 hex digits"],
])("parseJoinLink() refuses %s with the way out", (_what, text, words) => {
  expect(() => parseJoinLink(text)).toThrow(words);
  expect(() => parseJoinLink(text)).toThrow(
    /copy it whole, in quotes, from "lighthouse token create"/,
  );
});

test("parseJoinLink() never repeats a secret, whatever it is given", () => {
  fc.assert(
    fc.property(fc.string(), (noise) => {
      try {
        parseJoinLink(`lighthouse://x:1?token=abcdef.s3cr3ts3cr3ts3cr${noise}&ca=x`);
      } catch (err) {
        return err instanceof Error && !err.message.includes("s3cr3t");
      }
      return false; // the hash is wrong in any case
    }),
  );
});
