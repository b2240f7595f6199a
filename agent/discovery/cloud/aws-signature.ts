import { createHash, createHmac } from "node:crypto";

/** Keys of an AWS identity; `sessionToken` with temporary ones. */
export type AwsKeys = {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
};

/** What is signed. */
export type AwsCall = {
  readonly region: string;
  /** e.g. `ec2`. */
  readonly service: string;
  /** Host with port, as the header says. */
  readonly host: string;
  /** The form that is posted to `/`. */
  readonly body: string;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
};

const contentType = "application/x-www-form-urlencoded";
const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string): Buffer =>
  createHmac("sha256", key).update(text).digest();

/**
 * Headers of a POST to `/` that AWS accepts: Signature Version 4
 * (docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
 */
export function signAws(keys: AwsKeys, call: AwsCall): Readonly<Record<string, string>> {
  const time = new Date(call.nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  const day = time.slice(0, 8);
  const scope = `${day}/${call.region}/${call.service}/aws4_request`;
  const signed = {
    "content-type": contentType,
    host: call.host,
    "x-amz-date": time,
    ...(keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken }),
  };
  const names = Object.keys(signed).join(";"); // they are in order
  const lines = Object.entries(signed).map(([name, value]) => `${name}:${value}\n`);
  const canonical = `POST\n/\n\n${lines.join("")}\n${names}\n${hash(call.body)}`;
  const toSign = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash(canonical)}`;
  const key = [day, call.region, call.service, "aws4_request"].reduce<string | Buffer>(
    hmac,
    `AWS4${keys.secretAccessKey}`,
  );
  const signature = hmac(key, toSign).toString("hex");
  const credential = `Credential=${keys.accessKeyId}/${scope}`;
  return {
    ...signed,
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`,
  };
}
