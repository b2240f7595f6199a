import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  isTimeout,
  notFound,
} from "../../api/machinery/errors.ts";
import type { Pod } from "../../api/machinery/resources.ts";
import { pods } from "../../api/machinery/resources.ts";
import { keyOf } from "../../api/machinery/object.ts";
import { annotation, containerLabel } from "../../crds/labels.ts";
import { podReason } from "../../crds/conditions.ts";
import type { DataDelivery } from "../data/deliver.ts";
import { deliverLate, deliverToNew } from "../data/deliver-in-time.ts";
import type { PodNetworks } from "../networks/pod-networks.ts";
import type { FileEntry, RegistryAuth } from "../engine/engine.ts";
import { isEngineAway, isEngineRefusal, isImageUnknown } from "../engine/errors.ts";
import type { StartLimits } from "../limits/start-limits.ts";
import { type Member, membersOf, networkRoot } from "./containers.ts";
import type { ImageStore } from "./image-store.ts";
import { type Owner, ownerOf } from "./inventory.ts";
import { portClash } from "./port-clash.ts";
import type { Step } from "./plan.ts";
import { isOnNetwork } from "./network-spec.ts";
import { isSharedVolume } from "./shared-volumes.ts";
import type { Sources } from "./sources.ts";
import { runPostStart } from "./post-start.ts";
import { stopOnce, type StopDeps } from "./stop.ts";
import { dockerName, translate, type Translated } from "./translate.ts";
import { failureReason, isPassing, StepFailure } from "./trouble.ts";

/** All that steps touch. */
export type PerformDeps = StopDeps & {
  readonly images: ImageStore;
  readonly networks: PodNetworks;
  readonly data: DataDelivery;
  readonly limits: StartLimits;
  /** metadata.uid of the Namespace kube-system. */
  readonly cluster: string;
  /** Address of the host, as on its Node. */
  hostIp(): string;
  /** The ConfigMaps and Secrets that the pod names. */
  sources(pod: Pod, signal: AbortSignal): Promise<Sources>;
  /** The login for an image, from the pod's pull Secrets. */
  registryAuth(pod: Pod, reference: string, signal: AbortSignal): Promise<RegistryAuth | undefined>;
  /** Removes the Pod from the API: its containers are gone. */
  finalize(pod: Pod, signal: AbortSignal): Promise<void>;
  /** About to wait for long: tell where things stand. */
  beforeWait(pod: Pod): Promise<void>;
  /** A pull for it came a step further; the work does not wait for the telling. */
  onProgress(pod: Pod): void;
};

function memberOf(pod: Pod, name: string): Member {
  const member = membersOf(pod.spec).find((one) => one.name === name);
  if (member === undefined) throw notFound(pods, `${pod.metadata.name}/${name}`);
  return member;
}

const namespaceOf = ({ metadata }: Pod): string => metadata.namespace ?? "default";

const ownerOfPod = (pod: Pod) => ({ uid: pod.metadata.uid, key: keyOf(pod) });

/** When an image is fetched though it is there, as Kubernetes has it. */
function mustPull({ spec }: Member): boolean {
  const image = spec.image ?? "";
  // An id names what only this engine has; a digest names the same bytes everywhere.
  if (image.startsWith("sha256:") || image.includes("@sha256:")) return false;
  if (spec.imagePullPolicy !== undefined) return spec.imagePullPolicy === "Always";
  const tag = /:([^:/@]+)$/.exec(image)?.[1];
  return tag === undefined || tag === "latest";
}

async function pull(pod: Pod, member: Member, deps: PerformDeps, signal: AbortSignal) {
  const image = member.spec.image ?? "";
  const held = await deps.images.find(image, signal);
  if (held !== undefined && !mustPull(member)) return;
  if (member.spec.imagePullPolicy === "Never" || image.startsWith("sha256:")) {
    const err = new Error(
      `Cannot use image ${image}: the host does not hold it, and it may not be pulled`,
    );
    throw new StepFailure(member.name, podReason.neverPull, err);
  }
  await deps.beforeWait(pod);
  try {
    const auth = await deps.registryAuth(pod, image, signal);
    await deps.images.pull(image, { auth, onProgress: () => deps.onProgress(pod) }, signal);
    await deps.images.find(image, signal);
  } catch (err) {
    // A registry that is away is trouble of this image; an engine that is away is none of the pod.
    if (isEngineAway(err) || signal.aborted) throw err;
    const reason = isImageUnknown(err) ? podReason.imageUnknown : podReason.pullFailed;
    throw new StepFailure(member.name, reason, err);
  }
}

function rootIdOf(pod: Pod, { inventory }: PerformDeps): string | undefined {
  return inventory.idsOf(pod.metadata.uid, networkRoot(pod.spec) ?? "")[0];
}

async function translated(
  pod: Pod,
  member: Member,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<Translated> {
  const sources = await deps.sources(pod, signal);
  const rootId = rootIdOf(pod, deps);
  const targetId =
    member.target === undefined
      ? undefined
      : deps.inventory.idsOf(pod.metadata.uid, member.target)[0];
  const image = await deps.images.find(member.spec.image ?? "", signal);
  return translate(pod, member, {
    sources,
    place: { hostIp: deps.hostIp() },
    cluster: deps.cluster,
    network: deps.networks.nameOf(namespaceOf(pod)),
    imageUser: image?.user ?? "",
    limits: deps.limits.policy(),
    ...(rootId === undefined ? {} : { rootId }),
    ...(targetId === undefined ? {} : { targetId }),
  });
}

/** A name that is taken by the very container we want: a create whose answer got lost. */
async function adopted(
  pod: Pod,
  member: Member,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const name = dockerName(pod, member.name);
  const holder = await deps.engine.containers.inspect(name, signal);
  if (holder === undefined) return false;
  if (ownerOf(holder.labels, deps.cluster)?.uid !== pod.metadata.uid) return false;
  deps.inventory.add(ownerOfPod(pod), holder.id, member.name);
  return true;
}

async function create(pod: Pod, member: Member, deps: PerformDeps, signal: AbortSignal) {
  const make = () => createNow(pod, member, deps, signal);
  const id = isOnNetwork(pod, member.name)
    ? await deps.networks.within(namespaceOf(pod), make, signal)
    : await make();
  if (id !== undefined) await deliverToNew(pod, { id, name: member.name }, deps, signal);
}

/** Resolves to the id of a container that is new. */
async function createNow(
  pod: Pod,
  member: Member,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { name, spec } = await translated(pod, member, deps, signal);
  try {
    const id = await deps.engine.containers.create(name, spec, signal);
    deps.inventory.add(ownerOfPod(pod), id, member.name);
    return id;
  } catch (err) {
    if (isNotFound(err)) deps.images.forget(spec.Image);
    if (isAlreadyExists(err) && (await adopted(pod, member, deps, signal))) return undefined;
    throw err;
  }
}

/**
 * Whether a container keeps the files that it has. Where a change of them makes a new Revision, they
 * belong to the one that it was made for: going back to it must not bring what the next one failed by.
 */
async function keepsFiles(
  { metadata }: Pod,
  id: string,
  { engine }: PerformDeps,
  signal: AbortSignal,
): Promise<boolean> {
  if (metadata.annotations?.[annotation.reload] !== "true") return false;
  return hasRun(id, { engine }, signal);
}

async function hasRun(
  id: string,
  { engine }: Pick<PerformDeps, "engine">,
  signal: AbortSignal,
): Promise<boolean> {
  return (await engine.containers.inspect(id, signal))?.state.startedAtMs !== undefined;
}

/** What an act on a container needs beside it. */
type Doing = { readonly deps: PerformDeps; readonly signal: AbortSignal };

/** Starts a container, whose network somebody may have removed since it was created. */
async function startOnNetwork(
  pod: Pod,
  id: string,
  member: Member,
  { deps, signal }: Doing,
): Promise<void> {
  const begin = () => deps.engine.containers.start(id, signal);
  try {
    await begin();
  } catch (err) {
    if (!isNotFound(err) || !isOnNetwork(pod, member.name)) throw err;
    deps.networks.doubt(namespaceOf(pod));
    await deps.networks.within(namespaceOf(pod), begin, signal);
  }
}

/** What is to be written before a start. A container that ran has its files, if older ones. */
async function freshFiles(
  pod: Pod,
  member: Member,
  id: string,
  { deps, signal }: Doing,
): Promise<readonly FileEntry[]> {
  const isMounting = (member.spec.volumeMounts ?? []).length > 0;
  if (!isMounting || (await keepsFiles(pod, id, deps, signal))) return [];
  try {
    return (await translated(pod, member, deps, signal)).files;
  } catch (err) {
    // Restart policies hold while the API is away, and it may be away for long.
    if (isPassing(err) && !isEngineAway(err) && (await hasRun(id, deps, signal))) return [];
    throw err;
  }
}

async function start(pod: Pod, member: Member, deps: PerformDeps, signal: AbortSignal) {
  const [id] = deps.inventory.idsOf(pod.metadata.uid, member.name);
  if (id === undefined) return; // gone meanwhile: its event brings the next plan
  const files = await freshFiles(pod, member, id, { deps, signal });
  if (files.length > 0) await deps.engine.io.putFiles(id, files, signal);
  await deliverLate(pod, { id, name: member.name }, deps, signal);
  const starter = { id, name: member.name };
  const onTried = await deps.limits.beforeStart(pod, starter, signal);
  try {
    await startOnNetwork(pod, id, member, { deps, signal });
    await deps.limits.afterStart(pod, starter, signal);
    await runPostStart(pod, member, id, { deps, signal });
  } catch (err) {
    if (!isConflict(err)) throw err;
    throw (await portClash(pod, deps.engine, deps.cluster, signal)) ?? err;
  } finally {
    onTried();
    deps.inventory.touch(id);
  }
}

async function remove(ids: readonly string[], deps: PerformDeps, signal: AbortSignal) {
  const removals = ids.map(async (id) => {
    await deps.engine.containers.remove(id, { force: true }, signal);
    deps.inventory.drop(id);
  });
  await Promise.all(removals);
}

/** Removes the network of the namespace with its last container. A pod's end does not wait for it. */
async function leaveNetwork(
  namespace: string,
  { networks }: Pick<PerformDeps, "networks">,
  signal: AbortSignal,
): Promise<void> {
  await networks.release(namespace, signal).catch((err: unknown) => {
    if (!isEngineRefusal(err)) throw err; // the next sweep tries again
  });
}

async function checkPorts(pod: Pod, deps: PerformDeps, signal: AbortSignal): Promise<void> {
  const clash = await portClash(pod, deps.engine, deps.cluster, signal);
  if (clash !== undefined) throw new StepFailure("", podReason.portConflict, clash);
}

async function act(pod: Pod, step: Step, deps: PerformDeps, signal: AbortSignal): Promise<void> {
  switch (step.kind) {
    case "pull":
      return pull(pod, memberOf(pod, step.container), deps, signal);
    case "create":
      return create(pod, memberOf(pod, step.container), deps, signal);
    case "start":
      return start(pod, memberOf(pod, step.container), deps, signal);
    case "stop": {
      const of = step.of ?? pod;
      const context = { graceSeconds: step.graceSeconds, deps, signal };
      await Promise.all(step.targets.map((target) => stopOnce(of, target, context)));
      return;
    }
    case "remove":
      return remove(step.ids, deps, signal);
    case "removeVolumes":
      await Promise.all(step.names.map((name) => deps.engine.volumes.remove(name, signal)));
      return;
    case "checkPorts":
      return checkPorts(pod, deps, signal);
    case "finalize":
      await leaveNetwork(namespaceOf(pod), deps, signal);
      return deps.finalize(pod, signal);
  }
}

const containerOf = (step: Step): string | undefined =>
  "container" in step ? step.container : undefined;

/**
 * Does one step. Idempotent: what is already so resolves.
 *
 * @throws StepFailure when the pod or a neighbour is at fault; any other error is passing (engine or
 * API away) or a bug, and the caller tries again.
 */
export async function perform(
  pod: Pod,
  step: Step,
  deps: PerformDeps,
  signal: AbortSignal,
): Promise<void> {
  try {
    await act(pod, step, deps, signal);
  } catch (err) {
    if (err instanceof StepFailure || signal.aborted || isEngineAway(err)) throw err;
    const container = containerOf(step);
    if (container === undefined) throw blamed(step, err);
    // What an engine does not do in time is told: nobody else would say why the container waits.
    if (isPassing(err) && !(isTimeout(err) && isEngineRefusal(err))) throw err;
    if (!(err instanceof Error)) throw err;
    throw new StepFailure(container, failureReason(step.kind, err), err);
  }
}

/** A predecessor that does not stop keeps its successor from its start, which has to say so. */
function blamed(step: Step, err: unknown): unknown {
  const handsOver = step.kind === "stop" && step.of !== undefined;
  return handsOver && isEngineRefusal(err) ? new StepFailure("", podReason.runError, err) : err;
}

async function removeOrphan(
  id: string,
  { engine, inventory }: Pick<PerformDeps, "engine" | "inventory">,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const detail = await engine.containers.inspect(id, signal);
  if (detail?.state.phase === "running") {
    const grace = Number(detail.labels[containerLabel.graceSeconds] ?? "30");
    await engine.containers.stop(id, Number.isFinite(grace) ? grace : 30, signal);
  }
  await engine.containers.remove(id, { force: true }, signal);
  inventory.drop(id);
  return (detail?.mounts ?? []).filter(({ type }) => type === "volume").map(({ source }) => source);
}

/**
 * Stops and removes the containers of a pod that is gone, and the volumes that they shared. The
 * grace stands on their labels.
 */
export async function removeOrphans(
  { uid, key }: Owner,
  ids: readonly string[],
  deps: Pick<PerformDeps, "engine" | "inventory" | "networks">,
  signal: AbortSignal,
): Promise<void> {
  const volumes = await Promise.all(ids.map((id) => removeOrphan(id, deps, signal)));
  const shared = new Set(volumes.flat().filter((name) => isSharedVolume(name, uid)));
  await Promise.all([...shared].map((name) => deps.engine.volumes.remove(name, signal)));
  await leaveNetwork(key.namespace ?? "default", deps, signal);
}
