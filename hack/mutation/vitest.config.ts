import { defineConfig } from "vitest/config";

const properties = "controllers/application/*-properties.test.ts";

/** The tests that a mutant of the planner has to get past: globs, one space between them. */
export default defineConfig({
  test: {
    include: (process.env["MUTATION_TESTS"] ?? properties).split(" "),
    setupFiles: ["hack/mutation/setup.ts"],
    isolate: false,
    testTimeout: 120_000,
  },
});
