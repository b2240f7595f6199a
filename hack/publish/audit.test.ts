import { expect, test } from "vitest";
import { type AuditException, auditFaults, readAudit, readExceptions } from "./audit.ts";

const id = "GHSA-2222-3333-4444";
const found = { id, package: "left-pad", severity: "high" };
const kept: AuditException = {
  id,
  package: "left-pad",
  reason: "we never pad on the left, and nothing from outside gets there",
  expires: "2027-02-01",
};

const report = JSON.stringify({
  auditReportVersion: 2,
  vulnerabilities: {
    "left-pad": {
      via: [{ name: "left-pad", url: `https://github.com/advisories/${id}`, severity: "high" }],
    },
    wrapper: { via: ["left-pad"] },
  },
});

test("readAudit() names each advisory once", () => {
  expect(readAudit(`npm warn something\n${report}`)).toEqual({
    answered: true,
    advisories: [found],
  });
  expect(readAudit('{"vulnerabilities":{}}')).toEqual({ answered: true, advisories: [] });
});

test.each([
  ["npm warn audit 405 Method Not Allowed\nnpm error audit endpoint returned an error\n{}", "405"],
  ['{"message":"request failed","error":{"code":"ENOTFOUND"}}', "something else"],
  ["", "something else"],
  ["{broken", "something else"],
])("readAudit() takes no silence for a clean bill: %j", (output, why) => {
  expect(readAudit(output)).toMatchObject({
    answered: false,
    why: expect.stringContaining(why) as string,
  });
});

test.each<[string, readonly AuditException[], string, number]>([
  ["an advisory that nobody explained", [], "2026-11-21", 1],
  ["one that was explained", [kept], "2026-11-21", 0],
  ["one whose explanation has ended", [kept], "2027-02-01", 1],
  ["one that was explained for another package", [{ ...kept, package: "x" }], "2026-11-21", 1],
])("auditFaults() %s", (_what, exceptions, today, count) => {
  expect(auditFaults([found], exceptions, today)).toHaveLength(count);
});

test("hack/audit-exceptions.json gives a reason and an end for each exception", async () => {
  await expect(readExceptions()).resolves.toBeInstanceOf(Array);
});
