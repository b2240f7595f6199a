import type { Pod } from "../../api/machinery/resources.ts";
import { containerLabel, label } from "../../crds/labels.ts";
import type { ContainerSpec, HostConfigSpec } from "../engine/container-spec.ts";
import type { FileEntry } from "../engine/engine.ts";
import { exclusiveCpusOf } from "../limits/cpu-wish.ts";
import type { CreatePolicy } from "../limits/start-limits.ts";
import { joinsRoot, type Member } from "./containers.ts";
import { expand, type Place, resolveEnv } from "./env.ts";
import { namesIn, networkConfig, type NetworkSurroundings } from "./network-spec.ts";
import { present } from "./present.ts";
import { resourcesOf } from "./resource-limits.ts";
import { type Sources, ConfigProblem } from "./sources.ts";
import { specHash } from "./spec-hash.ts";
import { type Mounted, mountsOf } from "./volumes.ts";

/** What the translation needs beside the pod. */
export type Surroundings = NetworkSurroundings & {
  readonly sources: Sources;
  readonly place: Place;
  /** metadata.uid of the Namespace kube-system: whose containers these are. */
  readonly cluster: string;
  /** Id of the container whose processes an ephemeral one sees. */
  readonly targetId?: string;
  /** Who the image's process runs as: `uid`, `uid:gid` or names; empty for root. */
  readonly imageUser: string;
  /** What the host makes of resources; absent: nothing in particular. */
  readonly limits?: CreatePolicy | undefined;
};

/** One container as Docker takes it. */
export type Translated = {
  /** Docker's name for it. */
  readonly name: string;
  readonly spec: ContainerSpec;
  /** To be written before each start. */
  readonly files: readonly FileEntry[];
};

/**
 * Docker's name of a container: `lh_<namespace>_<pod>_<container>_<8 hex digits of the uid>`. A pod
 * of the same name that comes later has another one, and underscores cannot stand in the parts.
 */
export function dockerName({ metadata }: Pod, container: string): string {
  const uid = metadata.uid.replaceAll("-", "").slice(0, 8);
  return `lh_${metadata.namespace ?? "default"}_${metadata.name}_${container}_${uid}`;
}

const listed = <T>(items: readonly T[] | undefined): readonly T[] | undefined =>
  items === undefined || items.length === 0 ? undefined : items;

/** Refuses root, and names that only the image could resolve: as in Kubernetes. */
function requireNonRoot(member: Member, user: string): void {
  const [uid = ""] = user.split(":");
  if (/^\d+$/.test(uid) && Number(uid) !== 0) return;
  const shown = uid === "" ? "root" : uid;
  throw new ConfigProblem(
    `Cannot run container ${member.name} as user ${shown}: runAsNonRoot wants a numeric user other than 0`,
  );
}

function userOf({ spec }: Pod, member: Member, imageUser: string): string | undefined {
  const merged = { ...spec.securityContext, ...member.spec.securityContext };
  const { runAsUser, runAsGroup, runAsNonRoot } = merged;
  if (runAsNonRoot === true) requireNonRoot(member, `${runAsUser ?? imageUser}`);
  if (runAsUser === undefined) return undefined;
  return runAsGroup === undefined ? `${runAsUser}` : `${runAsUser}:${runAsGroup}`;
}

function securityOptions({ spec }: Pod, { spec: container }: Member): readonly string[] {
  const own = container.securityContext;
  const seccomp = own?.seccompProfile ?? spec.securityContext?.seccompProfile;
  return [
    ...(own?.allowPrivilegeEscalation === false ? ["no-new-privileges"] : []),
    ...(seccomp?.type === "Unconfined" ? ["seccomp=unconfined"] : []),
  ];
}

function securityOf(pod: Pod, member: Member): Partial<HostConfigSpec> {
  const own = member.spec.securityContext;
  const shared = pod.spec.securityContext;
  const groups = [
    ...(shared?.supplementalGroups ?? []),
    ...(shared?.fsGroup === undefined ? [] : [shared.fsGroup]),
  ].map(String);
  return present<Partial<HostConfigSpec>>({
    Privileged: own?.privileged,
    ReadonlyRootfs: own?.readOnlyRootFilesystem,
    CapAdd: listed(own?.capabilities?.add),
    CapDrop: listed(own?.capabilities?.drop),
    SecurityOpt: listed(securityOptions(pod, member)),
    GroupAdd: listed(groups),
  });
}

function namespacesOf(
  { spec }: Pod,
  rootId: string | undefined,
  targetId: string | undefined,
): Partial<HostConfigSpec> {
  if (targetId !== undefined) return { PidMode: `container:${targetId}` };
  const shared = spec.shareProcessNamespace === true && rootId !== undefined;
  const pid = spec.hostPID === true ? "host" : undefined;
  return present<Partial<HostConfigSpec>>({
    PidMode: shared ? `container:${rootId}` : pid,
    ...(spec.hostIPC === true ? { IpcMode: "host" } : {}),
  });
}

function hostConfig(pod: Pod, member: Member, around: Surroundings, mounted: Mounted) {
  const joins = joinsRoot(pod.spec, member.name);
  return present<HostConfigSpec>({
    // The agent restarts: it counts, waits and reports, which Docker's own policy cannot (ADR 0004).
    RestartPolicy: { Name: "no" },
    ...networkConfig(pod, member, around),
    ...namespacesOf(pod, joins ? around.rootId : undefined, around.targetId),
    ...resourcesOf(member, around.limits),
    ...securityOf(pod, member),
    Mounts: listed(mounted.mounts),
    Binds: listed(mounted.binds),
  });
}

function labelsOf(
  pod: Pod,
  member: Member,
  { cluster, limits }: Surroundings,
): Readonly<Record<string, string>> {
  const cpus = exclusiveCpusOf(pod, member, limits?.cpuManagerPolicy ?? "None");
  // Empty where there is none: an image may have such labels too, and a container has them from it.
  const copied = [label.application, label.revision].map(
    (name) => [name, pod.metadata.labels?.[name] ?? ""] as const,
  );
  return {
    ...Object.fromEntries(copied),
    [containerLabel.cluster]: cluster,
    [containerLabel.podUid]: pod.metadata.uid,
    [containerLabel.podNamespace]: pod.metadata.namespace ?? "default",
    [containerLabel.podName]: pod.metadata.name,
    [containerLabel.container]: member.name,
    [containerLabel.role]: member.role === "init" ? "init" : "main",
    [containerLabel.specHash]: specHash(member.spec),
    [containerLabel.graceSeconds]: String(pod.spec.terminationGracePeriodSeconds ?? 30),
    [containerLabel.exclusiveCpus]: cpus === 0 ? "" : String(cpus),
  };
}

/**
 * One container of a pod as the body of Docker's create. Pure: everything it reads is passed in.
 *
 * @throws ConfigProblem when a source is missing or Docker cannot do what is asked for.
 */
export function translate(pod: Pod, member: Member, around: Surroundings): Translated {
  const { spec } = member;
  const env = resolveEnv(pod, spec, around.sources, around.place);
  const mounted = mountsOf(pod, spec, around.sources, around.place);
  const words = (list: readonly string[] | undefined): readonly string[] | undefined =>
    listed(list)?.map((word) => expand(word, env));
  const body = present<ContainerSpec>({
    Image: spec.image ?? "",
    ...namesIn(pod, member, around.network),
    User: userOf(pod, member, around.imageUser),
    Env: listed([...env].map(([name, value]) => `${name}=${value}`)),
    Entrypoint: words(spec.command),
    Cmd: words(spec.args),
    WorkingDir: spec.workingDir,
    Labels: labelsOf(pod, member, around),
    StopTimeout: pod.spec.terminationGracePeriodSeconds,
    Tty: spec.tty,
    OpenStdin: spec.stdin,
    StdinOnce: spec.stdinOnce,
    HostConfig: hostConfig(pod, member, around, mounted),
  });
  return { name: dockerName(pod, member.name), spec: body, files: mounted.files };
}
