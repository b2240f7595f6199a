/** How `hack/mutation/run` uses StrykerJS: https://stryker-mutator.io/docs/stryker-js/configuration/ */
export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner", "./hack/mutation/survivors.mjs"],
  vitest: { configFile: "hack/mutation/vitest.config.ts", related: false },
  // Texts are for people: the properties do not read them, the example tests do.
  mutator: { excludedMutations: ["StringLiteral"] },
  reporters: ["survivors"],
  tempDirName: ".cache/stryker",
  // Stryker rewrites a tsconfig.json with the JavaScript API of TypeScript, which 7 has not.
  tsconfigFile: "hack/mutation/none.json",
  ignorePatterns: ["docs", "hack/mutation/node_modules"],
  // A slow machine is no verdict. What never ends is found by counting: see `hitLimit` in Stryker.
  timeoutMS: 60_000,
  coverageAnalysis: "perTest",
  concurrency: 2,
};
