import { costs } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelError, CelOpaque } from "./value.ts";

const octet = /^(0|[1-9]\d{0,2})$/;

/** The bytes of an address, 4 or 16; `undefined` for what is none. No zones, no leading zeros. */
function addressBytes(text: string): readonly number[] | undefined {
  if (!text.includes(":")) return ipv4Bytes(text);
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const last = tail === null ? undefined : ipv4Bytes(tail[2] ?? "");
  if (tail !== null && last === undefined) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = last ?? [];
  const hex = (high: number, low: number): string => ((high << 8) | low).toString(16);
  const groups = tail === null ? text : `${tail[1]}${hex(a, b)}:${hex(c, d)}`;
  return ipv6Bytes(groups);
}

function ipv4Bytes(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => octet.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : undefined;
}

function ipv6Bytes(text: string): readonly number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** The longest run of zeros is left out, the first of several (RFC 5952). */
function addressText(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0),
  );
  const texts = groups.map((group) => group.toString(16));
  let best = { at: 0, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    const end = groups.findIndex((group, i) => i >= at && group !== 0);
    const length = (end < 0 ? 8 : end) - at;
    if (length > best.length) best = { at, length };
  }
  if (best.length < 2) return texts.join(":");
  return `${texts.slice(0, best.at).join(":")}::${texts.slice(best.at + best.length).join(":")}`;
}

/** An IPv4 or IPv6 address. */
class CelIp extends CelOpaque {
  readonly typeName = "net.IP";
  readonly bytes: readonly number[];
  constructor(bytes: readonly number[]) {
    super();
    this.bytes = bytes;
  }
  equals(other: CelIp): boolean {
    return this.toString() === other.toString();
  }
  override toString(): string {
    return addressText(this.bytes);
  }
}

/** An address and how many of its bits name the network. */
class CelCidr extends CelOpaque {
  readonly typeName = "net.CIDR";
  readonly address: CelIp;
  readonly bits: number;
  constructor(address: CelIp, bits: number) {
    super();
    this.address = address;
    this.bits = bits;
  }
  equals(other: CelCidr): boolean {
    return this.toString() === other.toString();
  }
  override toString(): string {
    return `${this.address.toString()}/${this.bits}`;
  }
}

function readIp(text: string): CelIp | undefined {
  const bytes = addressBytes(text);
  // An IPv4 address inside of an IPv6 one is refused, as it has two names.
  const mapped =
    bytes?.length === 16 &&
    bytes.slice(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff &&
    bytes[11] === 0xff;
  return bytes === undefined || mapped ? undefined : new CelIp(bytes);
}

function toIp(text: string): CelIp {
  const ip = readIp(text);
  if (ip === undefined)
    throw new CelError(
      `IP Address ${JSON.stringify(text)} parse error during conversion from string`,
    );
  return ip;
}

function readCidr(text: string): CelCidr | undefined {
  const [address = "", bits = "", ...more] = text.split("/");
  const ip = readIp(address);
  if (ip === undefined || more.length > 0 || !octet.test(bits)) return undefined;
  return Number(bits) <= ip.bytes.length * 8 ? new CelCidr(ip, Number(bits)) : undefined;
}

function toCidr(text: string): CelCidr {
  const cidr = readCidr(text);
  if (cidr === undefined)
    throw new CelError(
      `network address parse error during conversion from string: ${JSON.stringify(text)}`,
    );
  return cidr;
}

function masked({ address, bits }: CelCidr): CelIp {
  return new CelIp(
    address.bytes.map((byte, i) => {
      const kept = Math.min(8, Math.max(0, bits - i * 8));
      return byte & (0xff << (8 - kept)) & 0xff;
    }),
  );
}

function containsIp(cidr: CelCidr, ip: CelIp): boolean {
  if (cidr.address.bytes.length !== ip.bytes.length) return false;
  return masked(new CelCidr(ip, cidr.bits)).equals(masked(cidr));
}

const containsCidr = (outer: CelCidr, inner: CelCidr): boolean =>
  inner.bits >= outer.bits && containsIp(outer, masked(inner));

const isUnspecified = ({ bytes }: CelIp): boolean => bytes.every((byte) => byte === 0);

function isLoopback({ bytes }: CelIp): boolean {
  if (bytes.length === 4) return bytes[0] === 127;
  return bytes.every((byte, i) => byte === (i === 15 ? 1 : 0));
}

function isLinkLocalUnicast({ bytes }: CelIp): boolean {
  const [a = 0, b = 0] = bytes;
  return bytes.length === 4 ? a === 169 && b === 254 : a === 0xfe && (b & 0xc0) === 0x80;
}

function isLinkLocalMulticast({ bytes }: CelIp): boolean {
  const [a = 0, b = 0, c = 0] = bytes;
  return bytes.length === 4 ? a === 224 && b === 0 && c === 0 : a === 0xff && (b & 0x0f) === 0x02;
}

function isMulticast({ bytes }: CelIp): boolean {
  const [a = 0] = bytes;
  return bytes.length === 4 ? (a & 0xf0) === 0xe0 : a === 0xff;
}

function isGlobalUnicast(ip: CelIp): boolean {
  const isBroadcast = ip.bytes.length === 4 && ip.bytes.every((byte) => byte === 255);
  const others = [isUnspecified, isLoopback, isLinkLocalUnicast, isMulticast];
  return !isBroadcast && !others.some((is) => is(ip));
}

const family = ({ bytes }: CelIp): bigint => (bytes.length === 4 ? 4n : 6n);

/** Kubernetes' functions for addresses and networks. */
export const netFunctions: readonly FunctionEntry[] = [
  ["ip(string): net.IP", toIp, costs.scan],
  ["isIP(string): bool", (text: string) => readIp(text) !== undefined, costs.scan],
  ["ip.isCanonical(string): bool", (text: string) => toIp(text).toString() === text, costs.rebuild],
  ["string(net.IP): string", String],
  ["net.IP.family(): int", family],
  ["net.IP.isUnspecified(): bool", isUnspecified],
  ["net.IP.isLoopback(): bool", isLoopback],
  ["net.IP.isLinkLocalMulticast(): bool", isLinkLocalMulticast],
  ["net.IP.isLinkLocalUnicast(): bool", isLinkLocalUnicast],
  ["net.IP.isGlobalUnicast(): bool", isGlobalUnicast],
  ["cidr(string): net.CIDR", toCidr, costs.scan],
  ["isCIDR(string): bool", (text: string) => readCidr(text) !== undefined, costs.scan],
  ["string(net.CIDR): string", String],
  ["net.CIDR.containsIP(net.IP): bool", containsIp],
  [
    "net.CIDR.containsIP(string): bool",
    (cidr: CelCidr, ip: string) => containsIp(cidr, toIp(ip)),
    costs.scanLast,
  ],
  ["net.CIDR.containsCIDR(net.CIDR): bool", containsCidr],
  [
    "net.CIDR.containsCIDR(string): bool",
    (cidr: CelCidr, other: string) => containsCidr(cidr, toCidr(other)),
    costs.scanLast,
  ],
  ["net.CIDR.ip(): net.IP", ({ address }: CelCidr) => address],
  ["net.CIDR.masked(): net.CIDR", (cidr: CelCidr) => new CelCidr(masked(cidr), cidr.bits)],
  ["net.CIDR.prefixLength(): int", ({ bits }: CelCidr) => BigInt(bits)],
];
