import { type Reacher, reacherOf } from "../pods/reach.ts";
import { createFarPorts, type FarPortsOptions } from "./far-ports.ts";

/** All the ways to ports of an engine's containers; those of this machine need but one. */
export function reachesOf(
  engine: FarPortsOptions["engine"],
  options: Omit<FarPortsOptions, "engine">,
): Reacher {
  const reacher = reacherOf(engine.endpoint, process.platform);
  return reacher.direct ? reacher : { ...reacher, far: createFarPorts({ ...options, engine }) };
}
