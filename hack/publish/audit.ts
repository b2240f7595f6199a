import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { runCommand } from "../gate/check.ts";
import { root } from "./lockfile.ts";

const exceptions = z.array(
  z.strictObject({
    /** Id of the advisory, e.g. `GHSA-xxxx-xxxx-xxxx`. */
    id: z.string().regex(/^GHSA(-[23456789cfghjmpqrvwx]{4}){3}$/),
    package: z.string().min(1),
    /** Why it does not concern us. */
    reason: z.string().min(20),
    /** From this day on somebody looks again, e.g. `2027-02-01`. */
    expires: z.iso.date(),
  }),
);

/** Advisories that were looked at and do not concern us. */
export type AuditException = z.infer<typeof exceptions>[number];

/** An advisory about a package that the product runs with. */
export type Advisory = { readonly id: string; readonly package: string; readonly severity: string };

/** What the registry said, or why it said nothing. */
export type AuditAnswer =
  | { readonly answered: true; readonly advisories: readonly Advisory[] }
  | { readonly answered: false; readonly why: string };

const report = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({
      via: z.array(
        z.union([
          z.string(),
          z.object({ name: z.string(), url: z.string(), severity: z.string() }),
        ]),
      ),
    }),
  ),
});

/** Reads what `npm audit --json` printed. An answer that is no report is no answer. */
export function readAudit(output: string): AuditAnswer {
  const start = output.indexOf("{");
  const parsed = start < 0 ? undefined : report.safeParse(tryJson(output.slice(start)));
  if (parsed?.data === undefined) {
    const said = output.split("\n").filter((line) => /^npm (warn|error) audit/.test(line));
    return { answered: false, why: said.join("; ") || "it answers something else than a report" };
  }
  const found = new Map<string, Advisory>();
  for (const { via } of Object.values(parsed.data.vulnerabilities)) {
    for (const one of via) {
      if (typeof one === "string") continue; // it is another package of the report that is concerned
      const id = one.url.replace(/^.*\//, "");
      found.set(`${id} ${one.name}`, { id, package: one.name, severity: one.severity });
    }
  }
  return { answered: true, advisories: [...found.values()] };
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What keeps a release back, in a line each: advisories without a good exception. `today`: `2026-11-21`. */
export function auditFaults(
  advisories: readonly Advisory[],
  kept: readonly AuditException[],
  today: string,
): readonly string[] {
  return advisories.flatMap(({ id, package: name, severity }) => {
    const found = kept.find((one) => one.id === id && one.package === name);
    if (found === undefined) return [`${name}: ${id} (${severity})`];
    return found.expires > today
      ? []
      : [`${name}: ${id} (${severity}), its exception ended on ${found.expires}`];
  });
}

/** Reads hack/audit-exceptions.json. @throws Error naming what is wrong with it */
export async function readExceptions(): Promise<readonly AuditException[]> {
  const file = path.join(root, "hack", "audit-exceptions.json");
  const { data, error } = exceptions.safeParse(JSON.parse(await readFile(file, "utf8")));
  if (error !== undefined) throw new Error(`Cannot use ${file}: ${z.prettifyError(error)}`);
  return data;
}

/** Asks the registry for advisories about what the product runs with. */
export async function askRegistry(): Promise<AuditAnswer> {
  const argv = ["npm", "audit", "--omit=dev", "--json", "--loglevel=warn"];
  const { output, stdout } = await runCommand(argv);
  const answer = readAudit(stdout);
  return answer.answered ? answer : readAudit(output); // why not is on stderr
}
