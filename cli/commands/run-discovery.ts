import { homedir } from "node:os";
import { resolve } from "node:path";
import {
  type DriverOptions,
  openDrivers,
  type ProviderName,
  toProviderName,
} from "../../agent/discovery/drivers.ts";
import { ownSshLogin } from "../../agent/discovery/own-ssh.ts";
import type { AgentOptions } from "../../agent/main.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { type Flags, Misuse, text, texts } from "../command.ts";
import { dockerProvider } from "./run-parts.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Where the file of hosts lies if no flag says so. */
const defaultHostsFile = "/etc/lighthouse/hosts.yaml";

function providerFlag(flags: Flags): ProviderName | undefined {
  const name = text(flags, "provider");
  if (name === undefined) return undefined;
  try {
    return toProviderName(name);
  } catch (err) {
    throw new Misuse(err instanceof Error ? err.message : String(err));
  }
}

function driverOptions(flags: Flags, env: Env): DriverOptions {
  const hosts = text(flags, "hosts");
  const given = providerFlag(flags) ?? (hosts === undefined ? undefined : "config");
  const certDir = env["DOCKER_CERT_PATH"];
  const ssh = ownSshLogin(env["HOME"] ?? homedir(), env);
  return {
    clock: systemClock,
    hostsFile: resolve(hosts ?? defaultHostsFile),
    local: { env },
    isDockerHostSet: (env["DOCKER_HOST"] ?? "") !== "",
    ...(given === undefined ? {} : { provider: given }),
    ...(certDir === undefined || certDir === "" ? {} : { certDir }),
    ...(ssh === undefined ? {} : { ssh }),
  };
}

/**
 * How an agent finds its hosts: those of `--docker` alone, else as `--provider` and `--hosts` say,
 * else as its Beacon says.
 *
 * @throws Misuse for flags that exclude each other or name no provider; StatusError when no engine of
 * `--docker` answers
 */
export async function discoveryOf(
  flags: Flags,
  env: Env,
  signal: AbortSignal,
): Promise<Pick<AgentOptions, "providers" | "drivers">> {
  if (texts(flags, "docker").length === 0)
    return { providers: [], drivers: openDrivers(driverOptions(flags, env)) };
  if (flags["provider"] !== undefined || flags["hosts"] !== undefined)
    throw new Misuse("--docker excludes --provider and --hosts: it names the hosts itself");
  return { providers: [await dockerProvider(flags, signal)] };
}
