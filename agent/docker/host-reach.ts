/** What an inspect says of a container's reach; only what we read. */
export type ReachFacts = {
  readonly HostConfig?: {
    readonly Privileged?: boolean;
    readonly PidMode?: string;
    readonly NetworkMode?: string;
    readonly CapAdd?: readonly string[] | null;
    readonly Devices?: readonly unknown[] | null;
  } | null;
  readonly Mounts?: readonly { readonly Type?: string; readonly Source?: string }[] | null;
};

/** Whoever may use one of these is root on the host (capabilities(7)). */
const hostCapabilities = new Set(
  "ALL SYS_ADMIN SYS_MODULE SYS_PTRACE SYS_RAWIO SYS_BOOT DAC_READ_SEARCH BPF".split(" "),
);

/** Directories by which the whole host is had, with or without a slash behind. */
const hostPlaces =
  /^\/(bin|boot|dev|etc|home|lib|lib64|proc|root|run|sbin|sys|usr|var|var\/lib|var\/run)?$/;

/** An engine's own door, and what it keeps of all containers. */
const engineParts = /\/(docker|containerd|podman)\.sock$|\/var\/lib\/(docker|containerd)(\/|$)/;

function reachOfMounts({ Mounts }: ReachFacts): string | undefined {
  const binds = (Mounts ?? []).filter(({ Type }) => Type === "bind");
  const places = binds.map(({ Source = "" }) => Source.replace(/(.)\/+$/, "$1"));
  const found = places.find((place) => hostPlaces.test(place) || engineParts.test(place));
  return found === undefined ? undefined : `it mounts ${found} of the host`;
}

/**
 * Why whoever runs a command in a container has its host, as the end of a sentence; `undefined` when the
 * container is confined. Pure.
 */
export function hostReach(facts: ReachFacts): string | undefined {
  const { Privileged, PidMode, CapAdd, Devices } = facts.HostConfig ?? {};
  if (Privileged === true) return "it is privileged";
  if (PidMode === "host") return "it sees the processes of the host";
  if ((Devices ?? []).length > 0) return "it has devices of the host";
  const added = (CapAdd ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, ""));
  const strong = added.find((name) => hostCapabilities.has(name));
  return strong === undefined ? reachOfMounts(facts) : `it has the capability ${strong}`;
}
