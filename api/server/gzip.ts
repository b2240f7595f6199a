import { promisify } from "node:util";
import { gzip } from "node:zlib";

const gzipped = promisify(gzip);

// As Kubernetes has it: below, compressing costs more time than it saves on a wire.
const leastBytes = 128 * 1_024;

/** Compression of answers: quick rather than small. */
export const gzipOptions = { level: 1 } as const;

/** Whether an Accept-Encoding header asks for gzip by name. */
export function wantsGzip(acceptEncoding: string | undefined): boolean {
  return (acceptEncoding ?? "").split(",").some((item) => {
    const [name, ...params] = item.split(";").map((part) => part.trim().toLowerCase());
    return name === "gzip" && !params.some((param) => /^q=0(\.0*)?$/.test(param));
  });
}

/** A body of 128 KiB and more, compressed on another thread; `undefined` for smaller ones. */
export async function gzipWhenLarge(body: Buffer | string): Promise<Buffer | undefined> {
  return Buffer.byteLength(body) < leastBytes ? undefined : gzipped(body, gzipOptions);
}
