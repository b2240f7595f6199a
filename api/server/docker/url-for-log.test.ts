import { expect, test } from "vitest";
import { urlForLog } from "./url-for-log.ts";

const proxy = "/api/v1/nodes/a/proxy";

test.each([
  [`${proxy}/build?t=a&buildargs=%7B%22T%22%3A1%7D`, `${proxy}/build?t=a&buildargs=REDACTED`],
  [`${proxy}/build?%62uildargs=x&Remote=y`, `${proxy}/build?%62uildargs=REDACTED&Remote=REDACTED`],
  [`${proxy}/build?%=x`, `${proxy}/build?%=x`],
  [`${proxy}/info`, `${proxy}/info`],
  ["/api/v1/pods?labels=a", "/api/v1/pods?labels=a"],
])("urlForLog() shows %s as %s", (url, shown) => {
  expect(urlForLog(url)).toBe(shown);
});
