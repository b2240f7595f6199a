import { expect, test } from "vitest";
import { dockerEnv, exportLines, type Shell, shellOf } from "./environment.ts";

test.each<readonly [Shell, string, string]>([
  ["bash", `export A='it'"'"'s'`, "unset B"],
  ["fish", String.raw`set -gx A 'it\'s';`, "set -e B;"],
  ["powershell", "$Env:A = 'it''s'", "Remove-Item Env:\\B -ErrorAction SilentlyContinue"],
])("exportLines() speaks %s", (shell, set, unset) => {
  const lines = exportLines(shell, { A: "it's", B: undefined }, "lighthouse docker-env n1");
  expect(lines.split("\n").slice(0, 3)).toEqual([
    set,
    unset,
    "# Run this command to configure your shell:",
  ]);
  expect(lines.split("\n")[3]).toContain("lighthouse docker-env n1");
});

test.each([
  [{ SHELL: "/usr/bin/fish" }, "fish"],
  [{ SHELL: "/bin/zsh" }, "bash"],
  [{}, "bash"],
  [{ PSModulePath: "/opt" }, "powershell"],
  [{ PSModulePath: "/opt", SHELL: "/bin/bash" }, "bash"],
])("shellOf() %j is %s", (env, shell) => {
  expect(shellOf(env)).toBe(shell);
});

test("dockerEnv() leaves docker one way only, and the user's builder", () => {
  const url = "unix:///run/s";
  expect(dockerEnv({ DOCKER_CONTEXT: "a", DOCKER_BUILDKIT: "1" }, url)).toEqual({
    DOCKER_HOST: url,
    DOCKER_CONTEXT: undefined,
    DOCKER_TLS: undefined,
    DOCKER_TLS_VERIFY: undefined,
    DOCKER_CERT_PATH: undefined,
    DOCKER_BUILDKIT: "1",
  });
  expect(dockerEnv({}, url)["DOCKER_BUILDKIT"]).toBe("0");
});
