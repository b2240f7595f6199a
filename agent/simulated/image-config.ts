import type { HealthcheckSpec } from "../engine/container-spec.ts";

/** What an image says about its containers. */
export type ImageConfig = {
  readonly Env: readonly string[];
  readonly Cmd: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly ExposedPorts: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly Labels: Readonly<Record<string, string>>;
  readonly Healthcheck?: HealthcheckSpec;
};

/** A JSON array, or a line for the shell. */
function commandOf(rest: string): readonly string[] {
  const text = rest.trim();
  if (!text.startsWith("[")) return ["/bin/sh", "-c", text];
  return JSON.parse(text) as readonly string[];
}

const unitNanos: Readonly<Record<string, number>> = { ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

function nanos(text: string): number {
  const [, count = "0", unit = "s"] = /^([\d.]+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(count) * (unitNanos[unit] ?? 1e9);
}

function healthcheckOf(rest: string): HealthcheckSpec {
  if (rest.trim() === "NONE") return { Test: ["NONE"] };
  const flags = new Map(
    Array.from(rest.matchAll(/--([a-z-]+)=(\S+)/g), ([, name = "", value = ""]) => [name, value]),
  );
  const command = rest.replace(/^.*?\bCMD\s+/, "");
  const test = command.startsWith("[") ? ["CMD", ...commandOf(command)] : ["CMD-SHELL", command];
  return {
    Test: test,
    Interval: nanos(flags.get("interval") ?? "30s"),
    Timeout: nanos(flags.get("timeout") ?? "30s"),
    StartPeriod: nanos(flags.get("start-period") ?? "0s"),
    Retries: Number(flags.get("retries") ?? 3),
  };
}

function pair(rest: string): Readonly<Record<string, string>> {
  const [key = "", ...value] = rest.split("=");
  return { [key]: value.join("=").replace(/^"|"$/g, "") };
}

function change(config: ImageConfig, line: string): ImageConfig {
  const [, word = "", rest = ""] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
  switch (word.toUpperCase()) {
    case "CMD":
      return { ...config, Cmd: commandOf(rest) };
    case "ENTRYPOINT":
      return { ...config, Entrypoint: commandOf(rest) };
    case "ENV":
      return { ...config, Env: [...config.Env, rest] };
    case "EXPOSE": {
      const port = rest.includes("/") ? rest : `${rest}/tcp`;
      return { ...config, ExposedPorts: { ...config.ExposedPorts, [port]: {} } };
    }
    case "LABEL":
      return { ...config, Labels: { ...config.Labels, ...pair(rest) } };
    case "HEALTHCHECK":
      return { ...config, Healthcheck: healthcheckOf(rest) };
    default:
      return config;
  }
}

/** The configuration that an import with these Dockerfile lines makes. */
export function importedConfig(changes: readonly string[]): ImageConfig {
  const bare: ImageConfig = { Env: [], Cmd: [], Entrypoint: [], ExposedPorts: {}, Labels: {} };
  return changes.reduce(change, bare);
}
