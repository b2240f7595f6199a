/**
 * The one gate: `npm run verify` says in under a minute whether a commit is good, and
 * `npm run verify:full` adds what needs a real etcd, dockerd and kubectl.
 */
import { styleText } from "node:util";
import type { Check, Outcome } from "./gate/check.ts";
import { fastChecks, vitest } from "./gate/checks.ts";

const usage = `Usage: npm run verify [-- --full] [--only NAME]

  --full        also run the security, integration, contract and end-to-end tests (etcd, dockerd, kubectl)
  --only NAME   run only the checks whose name contains NAME
`;

const total = { passed: 0, failed: 0, skipped: 0 };

function report(name: string, seconds: number, outcome: Outcome): void {
  const { passed, failed, skipped, output } = outcome;
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped;
  const mark = failed === 0 ? styleText("green", "ok  ") : styleText("red", "FAIL");
  const counts = passed + failed + skipped > 1 ? ` ${passed}/${passed + failed + skipped}` : "";
  process.stdout.write(`${mark} ${name.padEnd(22)} ${seconds.toFixed(1).padStart(6)} s${counts}\n`);
  if (failed > 0) process.stdout.write(`${output}\n`);
}

/** Runs checks one after the other; several lanes run side by side. */
async function lane(checks: readonly Check[]): Promise<void> {
  for (const check of checks) {
    const start = performance.now();
    const outcome = await check.run();
    report(check.name, (performance.now() - start) / 1000, outcome);
  }
}

const args = process.argv.slice(2);
if (args.includes("--help")) {
  process.stdout.write(usage);
  process.exit(0);
}
const only = args.includes("--only") ? args[args.indexOf("--only") + 1] : undefined;
const picked = (checks: readonly Check[]): readonly Check[] =>
  only === undefined ? checks : checks.filter(({ name }) => name.includes(only));

await Promise.all([lane(picked(fastChecks)), lane(picked([vitest("unit")]))]);
// Slow tests only answer questions about code that the fast checks accept.
if (args.includes("--full") && (total.failed === 0 || only !== undefined)) {
  // Two lanes for two cores: each of them waits for others much of its time.
  await Promise.all(
    [
      ["security", "integration", "faults"],
      ["contract", "e2e"],
    ].map((projects) => lane(picked(projects.map((project) => vitest(project))))),
  );
} else if (args.includes("--full")) {
  process.stdout.write("Left out: all slow tests, until the fast checks pass\n");
}
process.stdout.write(
  `\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`,
);
process.exitCode = total.failed === 0 ? 0 : 1;
