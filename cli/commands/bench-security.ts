import { stat } from "node:fs/promises";
import { dataDirIn } from "../audit-files.ts";
import { accessChecks } from "../bench-security/access-checks.ts";
import { type Finding, judgeAll, type Outcome, outcomes } from "../bench-security/check.ts";
import { gatherApi } from "../bench-security/gather-api.ts";
import { gatherFiles } from "../bench-security/gather-files.ts";
import { gatherListener } from "../bench-security/gather-listener.ts";
import { serverChecks } from "../bench-security/server-checks.ts";
import { workloadChecks } from "../bench-security/workload-checks.ts";
import { harmless } from "../audit-text.ts";
import { type Call, Misuse, type Run, text, texts } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { paint, type Style } from "../output.ts";

const checks = [...serverChecks, ...accessChecks, ...workloadChecks];

const styles: Readonly<Record<Outcome, Style>> = {
  PASS: "green",
  FAIL: "red",
  WARN: "yellow",
  MANUAL: "cyan",
};

function chosen(call: Call): typeof checks {
  const ids = texts(call.flags, "check");
  const unknown = ids.find((id) => !checks.some((one) => one.id === id || one.cis.includes(id)));
  if (unknown !== undefined) throw new Misuse(`--check must name a check, is "${unknown}"`);
  if (ids.length === 0) return checks;
  return checks.filter(({ id, cis }) => ids.includes(id) || cis.some((item) => ids.includes(item)));
}

async function gather(call: Call): Promise<readonly Finding[]> {
  const { flags, io, signal } = call;
  const nowMs = io.clock.nowMs();
  const given = text(flags, "data-dir");
  const dataDir = dataDirIn(given, io.env);
  if (given !== undefined) await stat(dataDir); // asked for: then it must be there
  const { client, server, config } = await call.connect();
  const [files, listener, api] = await Promise.all([
    gatherFiles(dataDir),
    gatherListener(server, config.ca),
    gatherApi(client, nowMs - 60_000, signal),
  ]);
  return judgeAll(chosen(call), { nowMs, ...files, ...listener, ...api });
}

function countsOf(findings: readonly Finding[]): Readonly<Record<string, number>> {
  const count = (outcome: Outcome): number =>
    findings.filter((one) => one.outcome === outcome).length;
  return Object.fromEntries(outcomes.map((outcome) => [outcome, count(outcome)]));
}

function findingText({ io, flags }: Call, finding: Finding): string {
  const { id, cis, title, outcome, evidence, remedy } = finding;
  const wide = flags["output"] === "wide";
  const items = wide && cis.length > 0 ? `        CIS ${cis.join(", ")}\n` : "";
  const head = `${paint(io, styles[outcome], outcome.padEnd(6))}  ${id.padEnd(7)}  ${title}\n`;
  const about = outcome === "PASS" && !wide ? "" : `        ${harmless(evidence)}\n`;
  const help = outcome === "FAIL" || outcome === "WARN" ? `        remedy: ${remedy}\n` : "";
  return `${head}${items}${about}${help}`;
}

/** `lighthouse bench security`: 1 when something fails. */
export const runBenchSecurity: Run = async (call) => {
  const findings = await gather(call);
  const summary = countsOf(findings);
  const output = text(call.flags, "output");
  if (isDocumentFormat(output)) {
    const benchmark = "CIS Kubernetes Benchmark v1.12";
    call.io.out(documentText(output, { benchmark, summary, findings }));
  } else {
    for (const finding of findings) call.io.out(findingText(call, finding));
    const counts = outcomes.map((outcome) => `${summary[outcome] ?? 0} ${outcome}`);
    call.io.out(`\n${counts.join(", ")}\n`);
  }
  return (summary["FAIL"] ?? 0) > 0 ? 1 : 0;
};
