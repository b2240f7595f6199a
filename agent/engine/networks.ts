import type { NetworkDetail, Networks } from "./network-types.ts";
import type { Doing } from "./errors.ts";
import type { Parts } from "./parts.ts";
import { segment } from "./transport.ts";

/** A row of `GET /networks`; only what we read. */
type WireNetwork = {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly IPAM?: {
    readonly Config?: readonly { readonly Subnet?: string }[] | null;
  } | null;
};

function toNetwork({ Id, Name, Driver, Labels, Options, IPAM }: WireNetwork): NetworkDetail {
  const subnets = (IPAM?.Config ?? []).flatMap(({ Subnet }) => Subnet ?? []);
  return {
    id: Id,
    name: Name,
    driver: Driver,
    labels: Labels ?? {},
    options: Options ?? {},
    subnets,
  };
}

/** The network verbs over HTTP. */
export function createNetworks({ transport, deadlines }: Parts): Networks {
  return {
    async list(signal) {
      const doing: Doing = { action: "list networks", kind: "networks", name: "" };
      const deadlineMs = deadlines.readMs;
      const call = { method: "GET", path: "/networks", doing, deadlineMs, signal } as const;
      const rows = await transport.json<readonly WireNetwork[]>(call);
      return (rows ?? []).map(toNetwork);
    },
    async create({ name, labels, options, subnet }, signal) {
      const body = {
        Name: name,
        // Names are not unique for Docker unless somebody asks for it.
        CheckDuplicate: true,
        Driver: "bridge",
        Labels: labels,
        Options: options,
        ...(subnet === undefined ? {} : { IPAM: { Config: [{ Subnet: subnet }] } }),
      };
      const doing: Doing = { action: `create network ${name}`, kind: "networks", name };
      const deadlineMs = deadlines.changeMs;
      const call = { method: "POST", path: "/networks/create", body, doing } as const;
      const made = await transport.json<{ readonly Id: string }>({ ...call, deadlineMs, signal });
      return made?.Id ?? "";
    },
    async remove(id, signal) {
      const doing: Doing = { action: `remove network ${id}`, kind: "networks", name: id };
      await transport.json({
        method: "DELETE",
        path: `/networks/${segment(id)}`,
        doing,
        deadlineMs: deadlines.changeMs,
        signal,
        mayBeAbsent: true,
      });
    },
  };
}
