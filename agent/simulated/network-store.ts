import { randomBytes } from "node:crypto";
import { ApiError } from "./api-error.ts";
import { networkMode, type SimulatedContainer } from "./container.ts";

/** The body of `POST /networks/create`; what we heed of it. */
export type NetworkRequest = {
  readonly Name: string;
  readonly CheckDuplicate?: boolean;
  readonly Driver?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Options?: Readonly<Record<string, string>>;
  readonly IPAM?: { readonly Config?: readonly { readonly Subnet?: string }[] };
};

/** A network as `GET /networks` shows it. */
export type SimulatedNetwork = {
  readonly Id: string;
  readonly Name: string;
  readonly Created: string;
  readonly Scope: "local";
  readonly Driver: string;
  readonly IPAM: {
    readonly Driver: "default";
    readonly Config: readonly { readonly Subnet: string }[];
  };
  readonly Labels: Readonly<Record<string, string>>;
  readonly Options: Readonly<Record<string, string>>;
};

/** The networks of one simulated engine. All containers lie in 127.0.0.0/8 whatever the subnet says. */
export type NetworkStore = {
  list(): readonly SimulatedNetwork[];
  /** By id or name. @throws ApiError 404 */
  find(wanted: string): SimulatedNetwork;
  /** @throws ApiError 409 on a taken name, 403 on a subnet that meets another, 500 without a free one. */
  create(request: NetworkRequest): SimulatedNetwork;
  /** @throws ApiError 404; 403 while a container runs in it, and for the engine's own. */
  remove(wanted: string): void;
};

/** Docker's own pools: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pieces of /20. */
const pools = [
  ...Array.from({ length: 15 }, (_, i) => `172.${17 + i}.0.0/16`),
  ...Array.from({ length: 16 }, (_, i) => `192.168.${16 * i}.0/20`),
];

type Span = readonly [first: number, end: number];

function spanOf(subnet: string): Span {
  const [address = "", length = ""] = subnet.split("/");
  const bytes = address.split(".").map(Number);
  const size = 2 ** (32 - Number(length));
  const isValid = bytes.length === 4 && bytes.every((byte) => byte >= 0 && byte < 256);
  if (!isValid || !/^\d+$/.test(length) || Number(length) > 30)
    throw new ApiError(400, `invalid subnet ${subnet}`);
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = number - (number % size);
  return [first, first + size];
}

const meet = (one: string, other: string): boolean => {
  const [[a, b], [c, d]] = [spanOf(one), spanOf(other)];
  return a < d && c < b;
};

function chooseSubnet({ IPAM }: NetworkRequest, taken: readonly string[]): string {
  const asked = IPAM?.Config?.[0]?.Subnet;
  const isFree = (subnet: string): boolean => taken.every((other) => !meet(subnet, other));
  if (asked !== undefined) {
    if (isFree(asked)) return asked;
    throw new ApiError(403, "Pool overlaps with other one on this address space");
  }
  const free = pools.find(isFree);
  if (free !== undefined) return free;
  const why = "among the defaults to assign to the network";
  throw new ApiError(500, `could not find an available, non-overlapping IPv4 address pool ${why}`);
}

function newNetwork(request: NetworkRequest, subnet: string | undefined, nowMs: number) {
  return {
    Id: randomBytes(32).toString("hex"),
    Name: request.Name,
    Created: new Date(nowMs).toISOString(),
    Scope: "local",
    Driver: request.Driver ?? "bridge",
    IPAM: { Driver: "default", Config: subnet === undefined ? [] : [{ Subnet: subnet }] },
    Labels: request.Labels ?? {},
    Options: request.Options ?? {},
  } as const satisfies SimulatedNetwork;
}

/** The three networks that every engine has; `containers` are those of the engine. */
export function createNetworkStore(
  containers: () => readonly SimulatedContainer[],
  now: () => number,
): NetworkStore {
  const bridgeOptions = {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.driver.mtu": "1500",
  };
  const own = [
    newNetwork({ Name: "bridge", Options: bridgeOptions }, pools[0], now()),
    newNetwork({ Name: "host", Driver: "host" }, undefined, now()),
    newNetwork({ Name: "none", Driver: "null" }, undefined, now()),
  ];
  const networks = new Map<string, SimulatedNetwork>(own.map((one) => [one.Id, one]));
  const all = (): readonly SimulatedNetwork[] => [...networks.values()];
  const find: NetworkStore["find"] = (wanted) => {
    const found = networks.get(wanted) ?? all().find(({ Name }) => Name === wanted);
    if (found === undefined) throw new ApiError(404, `network ${wanted} not found`);
    return found;
  };
  return {
    list: all,
    find,
    create(request) {
      const isTaken = all().some(({ Name }) => Name === request.Name);
      if (isTaken && request.CheckDuplicate === true)
        throw new ApiError(409, `network with name ${request.Name} already exists`);
      const taken = all().flatMap(({ IPAM }) => IPAM.Config.map(({ Subnet }) => Subnet));
      const made = newNetwork(request, chooseSubnet(request, taken), now());
      networks.set(made.Id, made);
      return made;
    },
    remove(wanted) {
      const { Id, Name } = find(wanted);
      if (own.some((one) => one.Id === Id))
        throw new ApiError(403, `${Name} is a pre-defined network and cannot be removed`);
      const isIn = (one: SimulatedContainer) => [Id, Name].includes(networkMode(one));
      if (containers().some((one) => one.process !== undefined && isIn(one)))
        throw new ApiError(
          403,
          `error while removing network: network ${Name} id ${Id} has active endpoints`,
        );
      networks.delete(Id);
    },
  };
}
