import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  hkdfSync,
  randomBytes,
} from "node:crypto";

const saltBytes = 16;
const ivBytes = 12;
const tagBytes = 16;
const purpose = "lighthouse: the key of an authority for those who have its predecessor's";

/** A key that only holders of the private key (PEM) can derive. */
function wrappingKey(holder: string, salt: Buffer): Buffer {
  const der = createPrivateKey(holder).export({ type: "pkcs8", format: "der" });
  return Buffer.from(hkdfSync("sha256", der, salt, purpose, 32));
}

/**
 * Seals a private key (PEM) for whoever has the key `holder` (PEM), and for nobody else: AES-256-GCM by
 * HKDF-SHA256. `about`, e.g. the certificate, must be the same when it is opened. Base64.
 */
export function sealKey(key: string, holder: string, about: string): string {
  const [salt, iv] = [randomBytes(saltBytes), randomBytes(ivBytes)];
  const cipher = createCipheriv("aes-256-gcm", wrappingKey(holder, salt), iv);
  cipher.setAAD(Buffer.from(about));
  const text = Buffer.concat([cipher.update(key, "utf8"), cipher.final()]);
  return Buffer.concat([salt, iv, cipher.getAuthTag(), text]).toString("base64");
}

/** The inverse of {@link sealKey}. @throws Error when the holder is another, or the text was changed */
export function unsealKey(sealed: string, holder: string, about: string): string {
  const bytes = Buffer.from(sealed, "base64");
  const ivAt = saltBytes + ivBytes;
  const tagAt = ivAt + tagBytes;
  const key = wrappingKey(holder, bytes.subarray(0, saltBytes));
  const options = { authTagLength: tagBytes };
  const cipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(saltBytes, ivAt), options);
  cipher.setAAD(Buffer.from(about));
  cipher.setAuthTag(bytes.subarray(ivAt, tagAt));
  return cipher.update(bytes.subarray(tagAt), undefined, "utf8") + cipher.final("utf8");
}
