import { dataSources, type DataSource } from "../../api/machinery/data-source.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { membersOf } from "../pods/containers.ts";

/** Data that goes through one container into a volume of its pod. */
export type Delivery = {
  readonly source: DataSource;
  /** Where the container mounts the volume. */
  readonly mountPath: string;
};

/**
 * What is to be delivered through a container of a pod: the first that may write to a volume takes its data
 * in, so that all that start after it find the data there.
 */
export function deliveriesOf({ metadata, spec }: Pod, container: string): readonly Delivery[] {
  return dataSources(metadata.annotations).flatMap((source) => {
    const mounts = membersOf(spec).flatMap((member) =>
      (member.spec.volumeMounts ?? [])
        .filter(({ name, readOnly, subPath }) => {
          return name === source.volume && readOnly !== true && subPath === undefined;
        })
        .map(({ mountPath }) => ({ name: member.name, mountPath })),
    );
    const [first] = mounts;
    return first?.name === container ? [{ source, mountPath: first.mountPath }] : [];
  });
}
