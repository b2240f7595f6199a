import { expect, test } from "vitest";
import { signAws } from "./aws-signature.ts";

const keys = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const call = {
  region: "us-east-1",
  service: "service",
  host: "example.amazonaws.com",
  body: "Param1=value1",
  nowMs: Date.UTC(2015, 7, 30, 12, 36),
};

test("signAws() signs as the case post-x-www-form-urlencoded of AWS's own test suite", () => {
  expect(signAws(keys, call)).toEqual({
    "content-type": "application/x-www-form-urlencoded",
    host: "example.amazonaws.com",
    "x-amz-date": "20150830T123600Z",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
      "SignedHeaders=content-type;host;x-amz-date, " +
      "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
  });
});

test("signAws() signs the token of temporary keys, too", () => {
  const headers = signAws({ ...keys, sessionToken: "t" }, call);
  expect(headers["x-amz-security-token"]).toBe("t");
  expect(headers["authorization"]).toContain("host;x-amz-date;x-amz-security-token,");
});
