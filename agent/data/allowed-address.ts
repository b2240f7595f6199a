import { BlockList, isIP } from "node:net";

/**
 * Where no pod may send its agent: the agent's own machine, and the link, on which clouds answer whoever
 * asks with credentials of the machine (RFC 6890; fd00:ec2::254, fd20:ce::254, 100.100.100.200 and Azure's 168.63.129.16 are metadata too).
 */
const refused = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["100.100.100.200", 32],
  ["168.63.129.16", 32],
  ["224.0.0.0", 3],
] as const)
  refused.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["::", 96],
  ["fe80::", 10],
  ["fd00:ec2::254", 128],
  ["fd20:ce::254", 128],
  ["ff00::", 8],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["2002::", 16],
] as const)
  refused.addSubnet(network, bits, "ipv6");

/** An IPv4 address in IPv6's clothes is what it is below. */
const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** Whether data may be fetched from an address. */
export function isAllowedAddress(address: string): boolean {
  const plain = mapped.exec(address)?.[1] ?? address;
  const family = isIP(plain);
  if (family === 0) return false;
  return !refused.check(plain, family === 4 ? "ipv4" : "ipv6");
}
