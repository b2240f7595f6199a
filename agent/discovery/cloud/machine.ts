import { BlockList, isIP } from "node:net";
import { badRequest } from "../../../api/machinery/errors.ts";
import { labelValueProblems } from "../../../api/machinery/names.ts";
import { label } from "../../../crds/labels.ts";
import type { EngineAccess, ProviderConfig } from "../../../crds/types.gen.ts";
import type { SshLogin, TlsFiles } from "../../engine/endpoint.ts";
import type { DockerHost } from "../provider.ts";
import type { Credentials } from "../settings.ts";

/** One network interface of a machine. */
export type Nic = {
  /** At the provider, e.g. `nic0`, `eni-0a1b`, `private`. */
  readonly name: string;
  readonly privateAddresses: readonly string[];
  readonly publicAddresses: readonly string[];
};

/** A machine that a cloud lists as running or about to. */
export type Machine = {
  readonly name: string;
  readonly region: string;
  /** Empty where a cloud has none. */
  readonly zone: string;
  /** e.g. `n1-standard-1`. */
  readonly type: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tags: readonly string[];
  /** The first one first. */
  readonly nics: readonly Nic[];
};

/** What a cloud driver is told by its Beacon. */
export type CloudSettings = {
  readonly config: ProviderConfig;
  readonly engine: EngineAccess;
  /** The Secret of the Beacon as it is now. */
  credentials(signal: AbortSignal): Promise<Credentials>;
  /** Directory with client certificates for TLS engines where the Secret has none. */
  readonly certDir?: string;
  /** For ssh engines where the Secret says nothing. */
  readonly ssh?: SshLogin;
};

const instanceType = "node.kubernetes.io/instance-type";
const defaultPorts = { tls: 2376, ssh: 22, tcp: 2375 } as const;

function isWanted(machine: Machine, { regions, labels, tags }: ProviderConfig): boolean {
  const has = ([key, value]: [string, string]): boolean =>
    Object.hasOwn(machine.labels, key) && machine.labels[key] === value;
  const tagged = (tag: string): boolean =>
    machine.tags.includes(tag) || Object.hasOwn(machine.labels, tag);
  return (
    (regions === undefined || regions.length === 0 || regions.includes(machine.region)) &&
    Object.entries(labels ?? {}).every(has) &&
    (tags ?? []).every(tagged)
  );
}

function subnetOf(cidr: string): (address: string) => boolean {
  const [network = "", bits = ""] = cidr.split("/");
  const family = isIP(network);
  if (family === 0 || Number(bits) > (family === 4 ? 32 : 128))
    throw badRequest(
      `Cannot use "${cidr}" as spec.providerConfig.subnet: want a network such as 10.0.0.0/8`,
    );
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family === 4 ? "ipv4" : "ipv6");
  return (address) =>
    isIP(address) === family && list.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** The address by which a machine is reached; `undefined` when none fits. */
export function addressOf({ nics }: Machine, config: ProviderConfig): string | undefined {
  const { nic, subnet, publicAddress = false } = config;
  const chosen =
    nic === undefined
      ? subnet === undefined
        ? nics.slice(0, 1)
        : nics
      : nics.filter(({ name }, index) => name === nic || String(index) === nic);
  const addresses = chosen.flatMap(({ privateAddresses, publicAddresses }) =>
    publicAddress ? publicAddresses : privateAddresses,
  );
  const fits = subnet === undefined ? () => true : subnetOf(subnet);
  return addresses.find((address) => isIP(address) !== 0 && fits(address));
}

function labelsOf({ region, zone, type }: Machine): Readonly<Record<string, string>> {
  const all = { [label.region]: region, [label.zone]: zone, [instanceType]: type };
  const usable = Object.entries(all).filter(
    ([, value]) => value !== "" && labelValueProblems(value).length === 0,
  );
  return Object.fromEntries(usable);
}

/** How engines are reached beside their address. */
type Access = { readonly certDir?: string; readonly tls?: TlsFiles; readonly ssh?: SshLogin };

function tlsAccess(secret: Credentials, certDir: string | undefined): Access {
  const { "ca.pem": ca, "cert.pem": cert, "key.pem": key } = secret;
  if (ca !== undefined && cert !== undefined && key !== undefined)
    return { tls: { ca, cert, key } };
  if (certDir !== undefined) return { certDir };
  throw badRequest(
    "Cannot reach engines by TLS: the Secret of spec.credentialsRef has no ca.pem, cert.pem and key.pem; " +
      "add them, set DOCKER_CERT_PATH for the agent, or choose another spec.engine.scheme",
  );
}

function sshAccess(secret: Credentials, otherwise: SshLogin | undefined): Access {
  const { known_hosts: knownHosts, "ssh-privatekey": privateKey } = secret;
  if (knownHosts !== undefined)
    return { ssh: { knownHosts, ...(privateKey === undefined ? {} : { privateKey }) } };
  if (otherwise !== undefined) return { ssh: otherwise };
  throw badRequest(
    "Cannot reach engines by ssh: the Secret of spec.credentialsRef has no known_hosts; " +
      "add it, and ssh-privatekey",
  );
}

function accessOf(settings: CloudSettings, secret: Credentials): Access {
  const { scheme = "tls" } = settings.engine;
  if (scheme === "tls") return tlsAccess(secret, settings.certDir);
  return scheme === "ssh" ? sshAccess(secret, settings.ssh) : {};
}

function urlOf(address: string, { scheme = "tls", port, user = "root" }: EngineAccess): string {
  const host = isIP(address) === 6 ? `[${address}]` : address;
  const at = `${host}:${port ?? defaultPorts[scheme]}`;
  return scheme === "ssh" ? `ssh://${user}@${at}` : `tcp://${at}`;
}

/**
 * The hosts among machines: those that the filters let through, by the address that the Beacon
 * chooses. A machine without such an address is left out, unless none has one.
 *
 * @throws StatusError `BadRequest` when the engines cannot be reached as the Beacon says, or when no
 * machine that counts has an address that fits
 */
export function toHosts(
  provider: string,
  machines: readonly Machine[],
  settings: CloudSettings,
  secret: Credentials,
): readonly DockerHost[] {
  const { config, engine } = settings;
  const wanted = machines.filter((machine) => isWanted(machine, config));
  if (wanted.length === 0) return [];
  const access = accessOf(settings, secret);
  const hosts = wanted.flatMap((machine): readonly DockerHost[] => {
    const address = addressOf(machine, config);
    if (address === undefined) return [];
    return [{ url: urlOf(address, engine), provider, labels: labelsOf(machine), ...access }];
  });
  // Machines of two networks may have one address: which of them is reached, routes decide.
  const byUrl = new Map(hosts.map((host) => [host.url, host]));
  if (hosts.length > 0) return [...byUrl.values()];
  throw badRequest(
    `Cannot reach any of ${wanted.length} machines of ${provider}: none has an address that ` +
      "spec.providerConfig (nic, subnet, publicAddress) lets through",
  );
}
