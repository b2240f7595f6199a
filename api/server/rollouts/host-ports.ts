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

/** Nodes on which the Application is whatever the scheduler decides; none where it may choose. */
function fixedNodes(application: Application, nodes: readonly Node[]): ReadonlySet<string> {
  const { placement, runState } = application.spec;
  if (runState === "Stopped") return new Set();
  if (placement.nodes.length > 0) return new Set(placement.nodes);
  const eligible = placement.perNode ? nodes.filter((node) => isEligible(node, application)) : [];
  return new Set(eligible.map(({ metadata }) => metadata.name));
}

/** A port that another Application holds. */
export type PortOwner = {
  readonly port: HostPort;
  /** `namespace/name`. */
  readonly owner: string;
  /** Names of Nodes, never empty. */
  readonly on: readonly string[];
};

/** Who holds ports of the Application on Nodes where both must be; each port is named once. */
export function portOwners(
  application: Application,
  others: readonly Application[],
  nodes: readonly Node[],
): readonly PortOwner[] {
  const ports = hostPortsOf(application);
  const own = ports.length === 0 ? new Set<string>() : fixedNodes(application, nodes);
  if (own.size === 0) return [];
  const rivals = others.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return ports.flatMap((port) => {
    for (const rival of rivals) {
      if (!hostPortsOf(rival).some((other) => clash(port, other))) continue;
      const on = [...fixedNodes(rival, nodes)].filter((node) => own.has(node)).toSorted();
      const { namespace = "", name } = rival.metadata;
      if (on.length > 0) return [{ port, owner: `${namespace}/${name}`, on }];
    }
    return [];
  });
}
