import { isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** Where an engine is, as far as its endpoint tells. */
export type HostPlace = {
  /** An address that other hosts may know; empty when only a name is known. */
  readonly address: string;
  /** Whether it is this machine. */
  readonly isLocal: boolean;
};

/** Docker's bridges of networks, and its ends of containers' cables. */
const dockers = /^(docker\d|br-[0-9a-f]{12}$|veth)/;

function ownAddress(): string {
  const all = Object.entries(networkInterfaces()).flatMap(([name, list]) =>
    dockers.test(name) ? [] : (list ?? []),
  );
  const outside = all.filter(
    ({ internal, address }) => !internal && !address.startsWith("169.254."),
  );
  // Docker's own bridges are addresses of this machine that nobody else can use.
  const shared = outside.filter(({ address }) => !/^172\.(1[7-9]|2\d|3[01])\./.test(address));
  const candidates = shared.length > 0 ? shared : outside;
  const v4 = candidates.find(({ family }) => family === "IPv4");
  return (v4 ?? candidates[0])?.address ?? "127.0.0.1";
}

/** Where the engine behind an endpoint is. */
export function hostPlace(endpoint: string): HostPlace {
  const url = URL.parse(endpoint);
  if (url === null || url.protocol === "unix:" || url.hostname === "")
    return { address: ownAddress(), isLocal: true };
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost" || host === "127.0.0.1" || host === "::1")
    return { address: ownAddress(), isLocal: true };
  return { address: isIP(host) === 0 ? "" : host, isLocal: false };
}
