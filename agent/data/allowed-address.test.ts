import { expect, test } from "vitest";
import { isAllowedAddress } from "./allowed-address.ts";

test.each([
  ["93.184.216.34", true],
  ["10.1.2.3", true],
  ["2606:2800:220:1::1", true],
  ["127.0.0.1", false],
  ["127.9.9.9", false],
  ["0.0.0.0", false],
  ["169.254.169.254", false],
  ["100.100.100.200", false],
  ["224.0.0.1", false],
  ["255.255.255.255", false],
  ["::1", false],
  ["::", false],
  ["fe80::1", false],
  ["fd00:ec2::254", false],
  ["::ffff:127.0.0.1", false],
  ["::ffff:7f00:1", false],
  ["64:ff9b::7f00:1", false],
  ["64:ff9b:1::7f00:1", false],
  ["::7f00:1", false],
  ["2002:7f00:1::", false],
  ["168.63.129.16", false],
  ["fd20:ce::254", false],
  ["fd12::1", true],
  ["no-address", false],
])("isAllowedAddress(%s) is %s", (address, want) => {
  expect(isAllowedAddress(address)).toBe(want);
});
