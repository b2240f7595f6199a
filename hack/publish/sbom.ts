import { createHash } from "node:crypto";
import { runCommand } from "../gate/check.ts";

/** The formats of bills of materials that we publish. */
export const sbomFormats = ["cyclonedx", "spdx"] as const;
export type SbomFormat = (typeof sbomFormats)[number];

/** What every bill of one release says of it. */
export type Release = {
  readonly name: string;
  readonly version: string;
  /** RFC 3339: when the commit was made. */
  readonly time: string;
};

type CycloneDx = {
  readonly metadata: { readonly component: object };
  readonly [field: string]: unknown;
};
type Spdx = { readonly creationInfo: object; readonly [field: string]: unknown };

/** A UUID that is a function of the text (RFC 9562, version 8). */
export function uuidOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(hex[16] ?? "0", 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const byChance = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z/g;

/** The same bill without what differs between two runs: the time, and a name by chance. */
export function reproducible(format: SbomFormat, bill: object, release: Release): object {
  const { name, version, time } = release;
  const content = JSON.stringify(bill).replaceAll(byChance, "");
  const id = uuidOf(`${format} ${name}@${version} ${content}`);
  if (format === "cyclonedx") {
    const { metadata, ...rest } = bill as CycloneDx;
    // npm calls it by the folder that it lies in.
    const component = { ...metadata.component, name };
    return {
      ...rest,
      serialNumber: `urn:uuid:${id}`,
      metadata: { ...metadata, timestamp: time, component },
    };
  }
  const { creationInfo, ...rest } = bill as Spdx;
  const documentNamespace = `http://spdx.org/spdxdocs/${name}-${version}-${id}`;
  return { ...rest, documentNamespace, creationInfo: { ...creationInfo, created: time } };
}

/** The bill of materials of what the product runs with, as npm reads it from the lockfile. */
export async function sbom(format: SbomFormat, release: Release): Promise<string> {
  const { code, output, stdout } = await runCommand([
    "npm",
    "sbom",
    `--sbom-format=${format}`,
    "--omit=dev",
    "--package-lock-only",
    "--loglevel=error",
  ]);
  if (code !== 0 || stdout.trim() === "")
    throw new Error(`Cannot make the ${format} bill of materials: ${output}`);
  const bill = JSON.parse(stdout) as object;
  return `${JSON.stringify(reproducible(format, bill, release), null, 2)}\n`;
}
