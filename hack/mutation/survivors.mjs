/** Prints what became of a mutant as soon as it is known: a long run can be read while it goes on. */
class Survivors {
  #tested = new Map();

  onMutantTested({ status, fileName, location, mutatorName, replacement }) {
    this.#tested.set(status, (this.#tested.get(status) ?? 0) + 1);
    if (status === "Killed") return;
    const { line, column } = location.start;
    const change = replacement.replace(/\s+/g, " ").slice(0, 120);
    process.stdout.write(`${status} ${fileName}:${line}:${column} ${mutatorName}: ${change}\n`);
  }

  onMutationTestReportReady() {
    const count = (status) => this.#tested.get(status) ?? 0;
    const found = count("Killed") + count("Timeout");
    const all = found + count("Survived") + count("NoCoverage");
    const score = ((100 * found) / Math.max(1, all)).toFixed(1);
    process.stdout.write(
      `${score} % of ${all} mutants found: ${count("Killed")} by a failure, ${count("Timeout")} by time; ` +
        `${count("Survived")} survived, ${count("NoCoverage")} were never run\n`,
    );
  }
}

/** @see https://stryker-mutator.io/docs/stryker-js/guides/create-a-plugin/ */
export const strykerPlugins = [{ kind: "Reporter", name: "survivors", injectableClass: Survivors }];
