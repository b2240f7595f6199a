import type { Clock } from "../../api/machinery/clock.ts";
import { badRequest } from "../../api/machinery/errors.ts";
import type { SshLogin } from "../engine/endpoint.ts";
import { azureProvider } from "./cloud/azure.ts";
import { digitalOceanProvider } from "./cloud/digitalocean.ts";
import { ec2Provider } from "./cloud/ec2.ts";
import { gceProvider } from "./cloud/gce.ts";
import type { CloudSettings } from "./cloud/machine.ts";
import { configProvider } from "./config.ts";
import type { OpenDrivers } from "./discovery.ts";
import { type LocalOptions, localProvider } from "./local.ts";
import type { Provider } from "./provider.ts";
import type { DiscoverySpec } from "./settings.ts";

/** What of its machine an agent's drivers use. */
export type DriverOptions = {
  readonly clock: Clock;
  /** File of the driver `config`. */
  readonly hostsFile: string;
  /** Name that counts instead of the Beacon's `spec.provider`. */
  readonly provider?: ProviderName;
  readonly local?: LocalOptions;
  /** Whether the agent's user named an engine by DOCKER_HOST: `auto` is `local` then. */
  readonly isDockerHostSet?: boolean;
  /** Client certificates for engines of clouds whose Secret has none. */
  readonly certDir?: string;
  /** Login for ssh engines of clouds whose Secret has none. */
  readonly ssh?: SshLogin;
};

/** Names that `spec.provider` and `--provider` take, in the order in which `auto` asks. */
export const providerNames = [
  "auto",
  "gce",
  "digitalocean",
  "ec2",
  "azure",
  "config",
  "local",
] as const;

/** One of {@link providerNames}. */
export type ProviderName = (typeof providerNames)[number];

/** @throws StatusError `BadRequest` for a name that is no provider's */
export function toProviderName(text: string): ProviderName {
  const name = providerNames.find((one) => one === text);
  if (name !== undefined) return name;
  throw badRequest(`Cannot use provider "${text}": want one of ${providerNames.join(", ")}`);
}

type Opened = Exclude<ProviderName, "auto">;

function openers(options: DriverOptions, cloud: CloudSettings): Record<Opened, () => Provider> {
  const { clock, hostsFile, local = {} } = options;
  return {
    gce: () => gceProvider(cloud),
    digitalocean: () => digitalOceanProvider(cloud),
    ec2: () => ec2Provider({ ...cloud, clock }),
    azure: () => azureProvider(cloud),
    config: () => configProvider({ path: hostsFile, clock }),
    local: () => localProvider(local),
  };
}

/** Who is asked, in order. */
function namesFor(wanted: ProviderName, { isDockerHostSet }: DriverOptions): readonly Opened[] {
  if (wanted !== "auto") return [wanted];
  if (isDockerHostSet === true) return ["local"];
  return providerNames.filter((name) => name !== "auto");
}

/** All drivers. A new one gets a line in {@link providerNames}, one in the table above, and its name in crds/beacon.yaml. */
export function openDrivers(options: DriverOptions): OpenDrivers {
  const { certDir, ssh } = options;
  return (spec: DiscoverySpec, credentials) => {
    const cloud: CloudSettings = {
      config: spec.providerConfig ?? {},
      engine: spec.engine ?? {},
      credentials,
      ...(certDir === undefined ? {} : { certDir }),
      ...(ssh === undefined ? {} : { ssh }),
    };
    const open = openers(options, cloud);
    const wanted = options.provider ?? spec.provider ?? "auto";
    return namesFor(wanted, options).map((name) => open[name]());
  };
}
