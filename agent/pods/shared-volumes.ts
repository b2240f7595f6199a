import type { Pod } from "../../api/machinery/resources.ts";

const prefixOf = (uid: string): string => `lh_${uid}_`;

/** Name of the Docker volume that several containers of a pod share. */
export function sharedVolumeName({ metadata }: Pod, volume: string): string {
  return `${prefixOf(metadata.uid)}${volume}`;
}

/** Whether a Docker volume is one that containers of the pod with this uid share. */
export function isSharedVolume(name: string, uid: string): boolean {
  return name.startsWith(prefixOf(uid));
}

/** Whether several containers of the pod mount it, so that it needs a name. */
export function isShared({ spec }: Pod, volume: string): boolean {
  const users = [...(spec.initContainers ?? []), ...spec.containers].filter((container) =>
    (container.volumeMounts ?? []).some(({ name }) => name === volume),
  );
  return users.length > 1;
}

/** Names of the Docker volumes that go with the pod; those of one container go with that. */
export function sharedVolumes(pod: Pod): readonly string[] {
  return (pod.spec.volumes ?? [])
    .filter((volume) => volume.emptyDir !== undefined && isShared(pod, volume.name))
    .map(({ name }) => sharedVolumeName(pod, name));
}
