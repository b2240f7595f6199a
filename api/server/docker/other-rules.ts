import { BlockList, isIP } from "node:net";
import { endpointSettings } from "./container-rules.ts";
import { type Check, fields, free, labels, listOf, mapOf, nothing, oneOf, text } from "./shape.ts";

const bridgeOptions = new Set([
  "com.docker.network.bridge.enable_icc",
  "com.docker.network.bridge.enable_ip_masquerade",
  "com.docker.network.bridge.host_binding_ipv4",
  "com.docker.network.driver.mtu",
]);

/** Networks that are nobody's on the internet (RFC 1918, RFC 4193). */
const ownNetworks = new BlockList();
ownNetworks.addSubnet("10.0.0.0", 8, "ipv4");
ownNetworks.addSubnet("172.16.0.0", 12, "ipv4");
ownNetworks.addSubnet("192.168.0.0", 16, "ipv4");
ownNetworks.addSubnet("fc00::", 7, "ipv6");

/** How long the shortest prefix of {@link ownNetworks} is, of an address in it. */
function widestOf(address: string): number {
  if (address.includes(":")) return 7;
  return address.startsWith("10.") ? 8 : address.startsWith("172.") ? 12 : 16;
}

function isOwnNetwork(subnet: string): boolean {
  const [, address = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(subnet) ?? [];
  const family = isIP(address);
  if (family === 0) return subnet === "";
  return (
    ownNetworks.check(address, family === 4 ? "ipv4" : "ipv6") && Number(bits) >= widestOf(address)
  );
}

// The host sends everything for a subnet into the network: it would be deaf to whoever has it really.
const addressRange = fields({
  ...free("IPRange Gateway AuxiliaryAddresses"),
  Subnet: text(isOwnNetwork, "the host would send what is for others, or for its cloud, into it"),
});

/** `POST /networks/create`. */
export const networkCreate = fields({
  ...free("Name CheckDuplicate Internal Attachable EnableIPv6 EnableIPv4"),
  Driver: oneOf(["bridge"], "only the driver bridge"),
  Scope: oneOf(["local"], "only networks of one host"),
  Ingress: nothing("it is for Docker Swarm"),
  ConfigOnly: nothing("templates of networks are refused"),
  ConfigFrom: nothing("templates of networks are refused"),
  IPAM: fields({
    Driver: oneOf(["default"], "only the default driver of addresses"),
    Config: listOf(addressRange),
    Options: nothing("options of address drivers are refused"),
  }),
  Options: mapOf(
    text(() => true, ""),
    text((name) => bridgeOptions.has(name), "the option reaches into networks of the host"),
  ),
  Labels: labels,
});

/** `POST /networks/ID/connect`. */
export const networkConnect = fields({ ...free("Container"), EndpointConfig: endpointSettings });

/** `POST /networks/ID/disconnect`. */
export const networkDisconnect = fields(free("Container Force"));

const mounts = "options of the driver mount what is on the host, or elsewhere";

// `o=bind` with `type=none` is a directory of the host by another name.
const driverOptions: Check = (value, at) => {
  if (value === null || typeof value !== "object") return nothing(mounts)(value, at);
  const { type = "tmpfs", device = "tmpfs", ...rest } = value as Readonly<Record<string, unknown>>;
  const others = Object.keys(rest).filter((name) => name !== "o");
  const plain = /^((size=\d+[kmg%]?|mode=[0-7]+|uid=\d+|gid=\d+|noexec|nosuid|nodev)(,|$))*$/;
  const options = "o" in rest ? String(rest["o"]) : "";
  const isTmpfs = type === "tmpfs" && device === "tmpfs" && others.length === 0;
  return isTmpfs && plain.test(options) ? [] : [{ at, why: mounts, broken: false }];
};

/** `POST /volumes/create`. */
export const volumeCreate = fields({
  ...free("Name"),
  Driver: oneOf(["local"], "only the driver local"),
  DriverOpts: driverOptions,
  Labels: labels,
  ClusterVolumeSpec: nothing("it is for Docker Swarm"),
});

/** `POST /auth`. */
export const authConfig = fields(
  free("username password auth email serveraddress identitytoken registrytoken"),
);
