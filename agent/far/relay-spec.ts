import type { Pod } from "../../api/machinery/resources.ts";
import { containerLabel, relayRole } from "../../crds/labels.ts";
import type { ContainerSpec } from "../engine/container-spec.ts";
import type { ContainerFact } from "../pods/facts.ts";

/** One run of the container whose network a relay joins: started again it has another network. */
export type RootRun = Pick<ContainerFact, "id" | "startedAtMs">;

const memoryBytes = 64 * 1024 * 1024; // each command that joins it is 10 MB for a moment
const nobody = "65534:65534";

/** Docker's name of the relay of a network, a function of the container that has the network. */
export function relayName({ id }: RootRun): string {
  return `lh-relay-${id.slice(0, 16)}`;
}

/** Value of {@link containerLabel.relayOf}. */
export function relayOf({ id, startedAtMs = 0 }: RootRun): string {
  return `${id}.${startedAtMs}`;
}

/** The run that a relay was made for; `undefined` for what is no relay. */
export function rootOfRelay(labels: Readonly<Record<string, string>>): RootRun | undefined {
  if (labels[containerLabel.role] !== relayRole) return undefined;
  const [id = "", startedAtMs] = (labels[containerLabel.relayOf] ?? "").split(".");
  return id === "" ? undefined : { id, startedAtMs: Number(startedAtMs) };
}

/** A container in the network of another, which waits for commands and may do nothing else. */
export function relaySpec(
  pod: Pod,
  root: RootRun,
  { image, cluster }: { readonly image: string; readonly cluster: string },
): ContainerSpec {
  return {
    Image: image,
    Entrypoint: ["/bin/sleep"],
    Cmd: ["2147483647"],
    User: nobody,
    Labels: {
      [containerLabel.cluster]: cluster,
      [containerLabel.podUid]: pod.metadata.uid,
      [containerLabel.podNamespace]: pod.metadata.namespace ?? "default",
      [containerLabel.podName]: pod.metadata.name,
      [containerLabel.role]: relayRole,
      [containerLabel.relayOf]: relayOf(root),
    },
    HostConfig: {
      NetworkMode: `container:${root.id}`,
      AutoRemove: true,
      RestartPolicy: { Name: "no" },
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      PidsLimit: 512,
      LogConfig: { Type: "none" },
    },
  };
}
