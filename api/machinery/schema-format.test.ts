import { expect, test } from "vitest";
import { numberRange, textFormat } from "./schema-format.ts";

const rows: [format: string, good: string[], bad: string[]][] = [
  ["date", ["2024-02-29", "2026-12-31"], ["2023-02-29", "2026-13-01", "2026-04-31", "26-1-1", ""]],
  [
    "date-time",
    ["2026-11-21T09:30:00Z", "2026-11-21t09:30:00.123456789+02:00", "2000-02-29T23:59:60z"],
    ["2026-11-21", "2026-11-21T24:00:00Z", "2026-11-21T09:30Z", "1900-02-29T00:00:00Z", "now"],
  ],
  ["duration", ["0", "1h30m", "-1.5s", "300ms"], ["1 h", "P1D", "", "5"]],
  ["ipv4", ["0.0.0.0", "255.255.255.255"], ["256.1.1.1", "1.2.3", "01.2.3.4", "1.2.3.4.5"]],
  [
    "ipv6",
    ["::", "::1", "2001:db8::8:800:200c:417a", "::ffff:10.0.0.1", "1:2:3:4:5:6:7:8"],
    ["1::2::3", "12345::", "1:2:3", ":::", "::ffff:10.0.0.256", "1:2:3:4:5:6:7:8:9", "10.0.0.1"],
  ],
  ["ip", ["10.0.0.1", "::1"], ["host", ""]],
  [
    "cidr",
    ["10.0.0.0/8", "::/0", "fe80::/128"],
    ["10.0.0.0/33", "10.0.0.0", "::/129", "x/8", "::/1/2"],
  ],
  ["mac", ["01:23:45:67:89:ab", "01-23-45-67-89-AB"], ["01:23:45:67:89", "0123456789ab"]],
  [
    "uuid",
    ["a987fbc9-4bed-3078-cf07-9141ba07c9f3"],
    ["a987fbc9", "z987fbc9-4bed-3078-cf07-9141ba07c9f3"],
  ],
  ["uuid3", ["a987fbc9-4bed-3078-cf07-9141ba07c9f3"], ["a987fbc9-4bed-4078-8f07-9141ba07c9f3"]],
  ["uuid4", ["a987fbc9-4bed-4078-8f07-9141ba07c9f3"], ["a987fbc9-4bed-3078-cf07-9141ba07c9f3"]],
  ["uuid5", ["a987fbc9-4bed-5078-af07-9141ba07c9f3"], ["a987fbc9-4bed-4078-8f07-9141ba07c9f3"]],
  [
    "hostname",
    ["a", "a-b.example.com", `${"a".repeat(63)}.com`],
    ["-a", "a..b", "a_b", "a".repeat(64), ""],
  ],
  ["email", ["a@b.example"], ["a", "a@", "a b@c"]],
  ["uri", ["https://example.com/a?b", "urn:x:y", "/path"], ["not a uri", ""]],
  ["byte", ["", "YQ==", "YWI=", "YWJj"], ["YQ", "Y", "!!!!"]],
  ["hexcolor", ["#fff", "00ff00"], ["#ff", "red"]],
];

test.each(rows)("textFormat() knows %s", (format, good, bad) => {
  const fits = textFormat(format) ?? ((): boolean => false);
  expect(good.filter((text) => !fits(text))).toEqual([]);
  expect(bad.filter(fits)).toEqual([]);
});

test("textFormat() checks nothing of a format it does not know", () => {
  expect(textFormat("colour")).toBeUndefined();
});

test("numberRange() gives the bounds of sized integers and no others", () => {
  expect(numberRange("int32")).toEqual([-2147483648, 2147483647]);
  expect(numberRange("double")).toBeUndefined();
});
