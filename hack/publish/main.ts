/** The work of hack/release: everything that is published, in one folder. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { runCommand } from "../gate/check.ts";
import { askRegistry, auditFaults, readExceptions } from "./audit.ts";
import { emptyFolder } from "./empty-folder.ts";
import { licenceFaults, licencesText } from "./licences.ts";
import { dependenciesOf, readLockfile, root } from "./lockfile.ts";
import { packageFiles, readManifest } from "./package-files.ts";
import { type Release, sbom, sbomFormats } from "./sbom.ts";
import { tarballOf } from "./tarball.ts";

const usage = `Usage: hack/release [--out DIR] [--require-audit] [--allow-dirty]

Builds what is published, the same bytes from the same commit: the npm package, bills of materials
(CycloneDX and SPDX), licences of all dependencies, and SHA256SUMS.

  --out DIR         where to (default: dist); a former release in it is replaced
  --require-audit   fail when the registry does not tell of known vulnerabilities
  --allow-dirty     from a checkout with changes, to try it out
`;

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "dist" },
    "require-audit": { type: "boolean", default: false },
    "allow-dirty": { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function git(...args: readonly string[]): Promise<string> {
  const { code, output } = await runCommand(["git", "-C", root, ...args]);
  if (code !== 0) throw new Error(`Cannot run git ${args.join(" ")}: ${output}`);
  return output.trim();
}

async function checkClean(): Promise<void> {
  const changes = await git("status", "--porcelain");
  if (changes === "" || values["allow-dirty"]) return;
  throw new Error(
    `Cannot release a checkout with changes; commit them, or pass --allow-dirty:\n${changes}`,
  );
}

/** Whether known vulnerabilities keep the release back. Not knowing is said, and is no pass. */
async function audit(): Promise<void> {
  const answer = await askRegistry();
  if (!answer.answered) {
    const text = `vulnerabilities: NOT CHECKED, the registry does not tell: ${answer.why}`;
    if (values["require-audit"]) throw new Error(text);
    say(text);
    return;
  }
  const today = new Date().toISOString().slice(0, 10);
  const faults = auditFaults(answer.advisories, await readExceptions(), today);
  if (faults.length > 0) {
    throw new Error(
      `Cannot release with known vulnerabilities; upgrade, or explain them in hack/audit-exceptions.json:\n${faults.join("\n")}`,
    );
  }
  say(`vulnerabilities: none that is not explained (${answer.advisories.length} explained)`);
}

/** Names and contents of everything that is published. */
async function artifacts(release: Release): Promise<ReadonlyMap<string, Buffer>> {
  const lockfile = await readLockfile();
  const dependencies = dependenciesOf(lockfile);
  const faults = licenceFaults(dependencies);
  if (faults.length > 0) throw new Error(`Cannot release: ${faults.join("; ")}`);
  const base = `${release.name}-${release.version}`;
  const files = new Map<string, Buffer>();
  files.set(`${base}.tgz`, await tarballOf(await packageFiles(lockfile)));
  for (const format of sbomFormats) {
    files.set(`${base}.${format}.json`, Buffer.from(await sbom(format, release)));
  }
  files.set("licenses.txt", Buffer.from(await licencesText(dependencies)));
  return files;
}

async function main(): Promise<void> {
  await checkClean();
  const { name, version } = await readManifest();
  const time = new Date(await git("log", "-1", "--format=%cI")).toISOString();
  const files = await artifacts({ name, version, time });
  await audit(); // before anything is there that could be published
  const out = path.resolve(values.out);
  await emptyFolder(out);
  const sums = [...files].map(([file, bytes]) => ({
    file,
    bytes,
    sum: createHash("sha256").update(bytes).digest("hex"),
  }));
  // First: what is cut short is known as a release, and its sums tell that it is none.
  const lines = sums.map(({ sum, file }) => `${sum}  ${file}\n`);
  await writeFile(path.join(out, "SHA256SUMS"), lines.join(""));
  for (const { file, bytes, sum } of sums) {
    await writeFile(path.join(out, file), bytes);
    say(`${sum}  ${file} (${bytes.length} bytes)`);
  }
}

if (values.help) process.stdout.write(usage);
else {
  try {
    await main();
  } catch (err) {
    process.stderr.write(`hack/release: ${err instanceof Error ? err.message : String(err)}\n`);
    process.exitCode = 1;
  }
}
