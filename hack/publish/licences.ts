import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { type Dependency, root } from "./lockfile.ts";

/**
 * Licences under which what we depend on may be: each lets us ship it under Apache-2.0 and asks for
 * no more than a notice. Another one is a decision of people, not of an upgrade.
 */
const allowed = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "PSF-2.0",
  "Python-2.0",
  "Unlicense",
]);

/** Packages whose package.json does not say it in today's form; read from their LICENSE file. */
const undeclared: Readonly<Record<string, string>> = {
  buildcheck: "MIT",
  "cpu-features": "MIT",
  ssh2: "MIT",
};

/** The SPDX expression of a package. */
export function licenceOf({ name, license }: Dependency): string | undefined {
  return license ?? undeclared[name];
}

/** Whether an SPDX expression lets us ship the package: any side of an OR, both of an AND. */
export function isAllowed(expression: string): boolean {
  const text = expression.trim().replace(/^\(([^()]*)\)$/, "$1");
  if (text.includes(" OR ")) return text.split(" OR ").some(isAllowed);
  if (text.includes(" AND ")) return text.split(" AND ").every(isAllowed);
  return allowed.has(text);
}

/** What is wrong with the licences, in a line each. */
export function licenceFaults(dependencies: readonly Dependency[]): readonly string[] {
  return dependencies.flatMap((dependency) => {
    const { name, version } = dependency;
    const licence = licenceOf(dependency);
    if (licence === undefined) return [`${name} ${version} does not say its licence`];
    return isAllowed(licence) ? [] : [`${name} ${version} is under ${licence}`];
  });
}

const licenceFile = /^(licen[cs]e|copying|notice|unlicense)/i;

/** The licence texts of an installed package; of other platforms' builds there are none. */
async function textsOf({ folder }: Dependency): Promise<readonly string[]> {
  const place = path.join(root, folder);
  const names = await readdir(place).catch(() => []);
  const files = names.filter((name) => licenceFile.test(name)).toSorted();
  return Promise.all(
    files.map(async (name) => (await readFile(path.join(place, name), "utf8")).trim()),
  );
}

/** What a distribution must carry: name, version, licence and its text for each package. */
export async function licencesText(dependencies: readonly Dependency[]): Promise<string> {
  const parts = await Promise.all(
    dependencies.map(async (dependency) => {
      const { name, version } = dependency;
      const title = `${name} ${version} (${licenceOf(dependency) ?? "unknown"})`;
      return [title, "-".repeat(title.length), ...(await textsOf(dependency)), ""].join("\n");
    }),
  );
  return parts.join("\n");
}
