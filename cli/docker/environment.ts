type Env = Readonly<Record<string, string | undefined>>;

/**
 * What the docker command needs to be told to use a forwarder's socket and nothing else. BuildKit cannot
 * be looked into by the server's policy, so the classic builder is used unless the user says otherwise.
 */
export function dockerEnv(env: Env, url: string): Readonly<Record<string, string | undefined>> {
  return {
    DOCKER_HOST: url,
    DOCKER_CONTEXT: undefined,
    DOCKER_TLS: undefined,
    DOCKER_TLS_VERIFY: undefined,
    DOCKER_CERT_PATH: undefined,
    DOCKER_BUILDKIT: env["DOCKER_BUILDKIT"] ?? "0",
  };
}

/** The shells whose words we know. */
export const shells = ["bash", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

/** The shell that `$SHELL` names; PowerShell has no such variable. */
export function shellOf(env: Env): Shell {
  if ((env["SHELL"] ?? "").endsWith("/fish")) return "fish";
  return env["PSModulePath"] !== undefined && env["SHELL"] === undefined ? "powershell" : "bash";
}

const quoted = (value: string): string => `'${value.replaceAll("'", `'"'"'`)}'`;

const words: Readonly<Record<Shell, (name: string, value: string | undefined) => string>> = {
  bash: (name, value) =>
    value === undefined ? `unset ${name}` : `export ${name}=${quoted(value)}`,
  fish: (name, value) =>
    value === undefined
      ? `set -e ${name};`
      : `set -gx ${name} '${value.replaceAll(/[\\']/g, String.raw`\$&`)}';`,
  powershell: (name, value) =>
    value === undefined
      ? `Remove-Item Env:\\${name} -ErrorAction SilentlyContinue`
      : `$Env:${name} = '${value.replaceAll("'", "''")}'`,
};

const evaluate: Readonly<Record<Shell, (line: string) => string>> = {
  bash: (line) => `eval "$(${line})"`,
  fish: (line) => `${line} | source`,
  powershell: (line) => `& ${line} | Invoke-Expression`,
};

/** Lines that a shell evaluates, with the line that does so as a comment, as docker-machine had it. */
export function exportLines(
  shell: Shell,
  values: Readonly<Record<string, string | undefined>>,
  line: string,
): string {
  const lines = Object.entries(values).map(([name, value]) => words[shell](name, value));
  return `${[...lines, "# Run this command to configure your shell:", `# ${evaluate[shell](line)}`].join("\n")}\n`;
}
