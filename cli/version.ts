import { readFileSync } from "node:fs";

type Package = { readonly version: string };

/** Version of this program, from package.json. */
export const productVersion: string = (
  JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as Package
).version;
