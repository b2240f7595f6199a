import type { Application } from "../../../crds/types.gen.ts";
import { isEligible } from "../../machinery/node-eligibility.ts";
import type { Node } from "../../machinery/resources.ts";

/** A port of its host that every slot of an Application takes. */
export type HostPort = {
  /** Where it is asked for, e.g. `spec.template.spec.containers[0].ports[0].hostPort`. */
  readonly field: string;
  readonly port: number;
  readonly protocol: string;
  /** Empty: on all addresses. */
  readonly ip: string;
};

const everywhere = new Set(["", "0.0.0.0", "::"]);

/** Host ports of a template, in its order. With hostNetwork every port is one. */
export function hostPortsOf({ spec }: Application): readonly HostPort[] {
  const { containers, hostNetwork } = spec.template.spec;
  return containers.flatMap(({ ports = [] }, at) =>
    ports.flatMap(({ hostPort, containerPort, protocol, hostIP = "" }, index) => {
      const port = hostNetwork === true ? containerPort : hostPort;
      if (port === undefined || port === 0) return [];
      const name = hostPort === undefined ? "containerPort" : "hostPort";
      const field = `spec.template.spec.containers[${at}].ports[${index}].${name}`;
      return [{ field, port, protocol, ip: everywhere.has(hostIP) ? "" : hostIP }];
    }),
  );
}

const clash = (one: HostPort, other: HostPort): boolean =>
  one.port === other.port &&
  one.protocol === other.protocol &&
  (one.ip === other.ip || one.ip === "" || other.ip === "");

/** Nodes where the slots of an Application may be, and how many of them it takes: one for each slot. */
type Claim = { readonly nodes: ReadonlySet<string>; readonly needs: number };

function claimOf(application: Application, nodes: readonly Node[]): Claim {
  const { placement, replicas, runState } = application.spec;
  if (runState === "Stopped") return { nodes: new Set(), needs: 0 };
  const listed = new Set(placement.nodes);
  if (listed.size > 0) return { nodes: listed, needs: listed.size };
  const eligible = nodes.filter((node) => isEligible(node, application));
  const names = new Set(eligible.map(({ metadata }) => metadata.name));
  return { nodes: names, needs: Math.min(replicas ?? names.size, names.size) };
}

/** The Nodes that it is on whatever the scheduler decides; none where it may choose. */
const fixedNodes = ({ nodes, needs }: Claim): readonly string[] =>
  needs < nodes.size ? [] : [...nodes];

/** A port that another Application holds. */
export type PortOwner = {
  readonly port: HostPort;
  /** `namespace/name`. */
  readonly owner: string;
  /** Names of Nodes, never empty. */
  readonly on: readonly string[];
};

/**
 * Who holds ports of the Application on so many of its Nodes that the rest is too few for its slots;
 * each port is named once.
 */
export function portOwners(
  application: Application,
  others: readonly Application[],
  nodes: readonly Node[],
): readonly PortOwner[] {
  const ports = hostPortsOf(application);
  if (ports.length === 0) return [];
  const own = claimOf(application, nodes);
  const rivals = others.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return ports.flatMap((port) => {
    for (const rival of rivals) {
      if (!hostPortsOf(rival).some((other) => clash(port, other))) continue;
      const taken = fixedNodes(claimOf(rival, nodes));
      const on = taken.filter((node) => own.nodes.has(node)).toSorted();
      const { namespace = "", name } = rival.metadata;
      if (on.length > own.nodes.size - own.needs)
        return [{ port, owner: `${namespace}/${name}`, on }];
    }
    return [];
  });
}
