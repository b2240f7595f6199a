import { defineConfig } from "vitest/config";

const slow = [
  "test/integration/**/*.test.ts",
  "test/contract/**/*.test.ts",
  "test/e2e/**/*.test.ts",
  "test/faults/**/*.test.ts",
  "test/security/**/*.test.ts",
];

/**
 * `unit` is the fast gate: no daemon, no root, no network. `integration` and `e2e` start real
 * etcd, dockerd and kubectl, one file at a time, so that they do not fight for two cores.
 * `contract` runs stock clients against one server that all its files share, `security` attacks
 * servers with real listeners.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: ["**/node_modules/**", ".cache/**", ...slow],
          // One process for many files: loading the modules anew for each took longer than the tests.
          isolate: false,
          testTimeout: 15_000,
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          globalSetup: ["test/contract/kit/global-site.ts"],
          fileParallelism: false,
          isolate: false,
          // Clients mostly wait for each other's answers: three keep two cores busy.
          maxConcurrency: 3,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "security",
          include: ["test/security/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "faults",
          include: ["test/faults/**/*.test.ts"],
          fileParallelism: false,
          // Slower than on a machine of its own: a gate must not fail for what else runs there.
          env: { FAULTS_HASTE: "5" },
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
