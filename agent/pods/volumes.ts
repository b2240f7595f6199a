import { posix } from "node:path";
import type { Pod } from "../../api/machinery/resources.ts";
import { parseQuantity, wholeUnits } from "../../api/machinery/quantity.ts";
import { containerLabel } from "../../crds/labels.ts";
import type { MountSpec } from "../engine/container-spec.ts";
import type { FileEntry } from "../engine/engine.ts";
import type { ContainerOf } from "./containers.ts";
import { fieldValue, type Place } from "./env.ts";
import { resourceValue } from "./resource-field.ts";
import { isShared, sharedVolumeName } from "./shared-volumes.ts";
import {
  bundleOf,
  ConfigProblem,
  type Reference,
  type SourceKind,
  type Sources,
} from "./sources.ts";

type Volume = NonNullable<Pod["spec"]["volumes"]>[number];
type VolumeMount = NonNullable<ContainerOf["volumeMounts"]>[number];
type Item = { readonly key: string; readonly path: string; readonly mode?: number };

/** What the mounts of one container come to. */
export type Mounted = {
  readonly mounts: readonly MountSpec[];
  /** `source:target[:options]`, for host directories that Docker makes when they are missing. */
  readonly binds: readonly string[];
  /** Written before each start, so that a half-made container is completed. */
  readonly files: readonly FileEntry[];
};

const defaultMode = 0o644;

function bytesOf(quantity: unknown): number | undefined {
  const parsed = parseQuantity(quantity as string);
  return parsed === undefined ? undefined : Number(wholeUnits(parsed));
}

function emptyDir(pod: Pod, volume: Volume, mount: VolumeMount): MountSpec {
  const inMemory = volume.emptyDir?.medium === "Memory";
  const size = bytesOf(volume.emptyDir?.sizeLimit ?? "");
  const ReadOnly = mount.readOnly === true;
  const Target = mount.mountPath;
  const shared = isShared(pod, volume.name);
  if (inMemory && !shared) {
    const TmpfsOptions = { Mode: 0o1777, ...(size === undefined ? {} : { SizeBytes: size }) };
    return { Type: "tmpfs", Target, ReadOnly, TmpfsOptions };
  }
  const options = { type: "tmpfs", device: "tmpfs", o: size === undefined ? "" : `size=${size}` };
  const VolumeOptions = {
    NoCopy: true,
    Labels: { [containerLabel.podUid]: pod.metadata.uid },
    ...(inMemory ? { DriverConfig: { Name: "local", Options: options } } : {}),
  };
  const Source = shared ? { Source: sharedVolumeName(pod, volume.name) } : {};
  return { Type: "volume", Target, ReadOnly, ...Source, VolumeOptions };
}

const propagations: Readonly<Record<string, string>> = {
  HostToContainer: "rslave",
  Bidirectional: "rshared",
};

/** A path that climbs would name what the volume does not hold. */
function within(path: string, volume: string): string {
  if (!path.startsWith("/") && !path.split("/").includes("..")) return path;
  throw new ConfigProblem(`Cannot use path "${path}" in volume "${volume}": it leads out of it`);
}

function hostPath(volume: Volume, mount: VolumeMount): Partial<Mounted> {
  const { path = "", type = "" } = volume.hostPath ?? {};
  const source =
    mount.subPath === undefined ? path : posix.join(path, within(mount.subPath, mount.name));
  const propagation = propagations[mount.mountPropagation ?? ""];
  if (type === "" || type === "DirectoryOrCreate") {
    const flags = [mount.readOnly === true ? "ro" : "rw", ...(propagation ? [propagation] : [])];
    return { binds: [`${source}:${mount.mountPath}:${flags.join(",")}`] };
  }
  const bind: MountSpec = {
    Type: "bind",
    Source: source,
    Target: mount.mountPath,
    ReadOnly: mount.readOnly === true,
    ...(propagation === undefined ? {} : { BindOptions: { Propagation: propagation } }),
  };
  return { mounts: [bind] };
}

type KeyedReference = Reference & { readonly items?: readonly Item[] };

/** A keyed object as files: all keys, or the chosen ones under their paths. */
function keyedFiles(
  kind: SourceKind,
  reference: KeyedReference,
  mode: number,
  sources: Sources,
): readonly FileEntry[] {
  const bundle = bundleOf(kind, reference, sources);
  const items = reference.items ?? [...bundle.keys()].map((key): Item => ({ key, path: key }));
  return items.flatMap((item) => {
    const content = bundle.get(item.key);
    if (content !== undefined) return [{ path: item.path, content, mode: item.mode ?? mode }];
    if (reference.optional === true) return [];
    throw new ConfigProblem(`Cannot find key "${item.key}" of ${kind} "${reference.name}"`);
  });
}

type Downward = NonNullable<Volume["downwardAPI"]>["items"];

function downwardValue(
  pod: Pod,
  { path, fieldRef, resourceFieldRef }: NonNullable<Downward>[number],
  place: Place,
): string {
  if (fieldRef !== undefined) return fieldValue(pod, fieldRef.fieldPath, place);
  if (resourceFieldRef !== undefined) return resourceValue(pod.spec, resourceFieldRef);
  throw new ConfigProblem(
    `Cannot write file ${path}: it has neither fieldRef nor resourceFieldRef`,
  );
}

function downwardFiles(pod: Pod, items: Downward, mode: number, place: Place) {
  return (items ?? []).map((item): FileEntry => {
    return {
      path: item.path,
      content: Buffer.from(downwardValue(pod, item, place)),
      mode: item.mode ?? mode,
    };
  });
}

type Projected = NonNullable<Volume["projected"]>;

function projectedFiles(pod: Pod, projected: Projected, sources: Sources, place: Place) {
  const mode = projected.defaultMode ?? defaultMode;
  return (projected.sources ?? []).flatMap((source): readonly FileEntry[] => {
    if (source.configMap !== undefined)
      return keyedFiles("ConfigMap", source.configMap, mode, sources);
    if (source.secret !== undefined) return keyedFiles("Secret", source.secret, mode, sources);
    if (source.downwardAPI !== undefined)
      return downwardFiles(pod, source.downwardAPI.items, mode, place);
    throw new ConfigProblem(
      "Cannot project a volume source other than configMap, secret and downwardAPI",
    );
  });
}

/** The files of a volume that is made of files, relative to its root; `undefined` for another one. */
function filesOf(
  pod: Pod,
  volume: Volume,
  sources: Sources,
  place: Place,
): readonly FileEntry[] | undefined {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined)
    return keyedFiles("ConfigMap", configMap, configMap.defaultMode ?? defaultMode, sources);
  if (secret !== undefined) {
    const { secretName, ...rest } = secret;
    const reference = secretName === undefined ? rest : { ...rest, name: secretName };
    return keyedFiles("Secret", reference, secret.defaultMode ?? defaultMode, sources);
  }
  if (downwardAPI !== undefined)
    return downwardFiles(pod, downwardAPI.items, downwardAPI.defaultMode ?? defaultMode, place);
  return projected === undefined ? undefined : projectedFiles(pod, projected, sources, place);
}

/** The files of a directory of a volume, relative to that directory. */
function filesBelow(
  files: readonly FileEntry[],
  subPath: string,
  volume: string,
): readonly FileEntry[] {
  const prefix = `${subPath.replace(/\/+$/, "")}/`;
  const below = files.filter(({ path }) => path.startsWith(prefix));
  if (below.length === 0) throw new ConfigProblem(`Cannot find "${subPath}" in volume "${volume}"`);
  return below.map((file) => ({ ...file, path: file.path.slice(prefix.length) }));
}

function withoutSubPath({ subPath: _subPath, ...mount }: VolumeMount): VolumeMount {
  return mount;
}

function mountFiles(files: readonly FileEntry[], mount: VolumeMount): Partial<Mounted> {
  const place = (file: FileEntry, path: string): FileEntry => ({ ...file, path });
  if (mount.subPath !== undefined) {
    const file = files.find(({ path }) => path === mount.subPath);
    if (file !== undefined) return { files: [place(file, mount.mountPath)] };
    return mountFiles(filesBelow(files, mount.subPath, mount.name), withoutSubPath(mount));
  }
  return {
    // A volume of its own hides what the image has there and works below a read-only root.
    mounts: [{ Type: "volume", Target: mount.mountPath, VolumeOptions: { NoCopy: true } }],
    files: files.map((file) =>
      place(file, posix.join(mount.mountPath, within(file.path, mount.name))),
    ),
  };
}

function mountOne(pod: Pod, mount: VolumeMount, sources: Sources, place: Place): Partial<Mounted> {
  const volume = (pod.spec.volumes ?? []).find(({ name }) => name === mount.name);
  if (volume === undefined) throw new ConfigProblem(`Cannot find volume "${mount.name}"`);
  if (volume.hostPath !== undefined) return hostPath(volume, mount);
  const files = filesOf(pod, volume, sources, place);
  if (files !== undefined) return mountFiles(files, mount);
  if (mount.subPath !== undefined)
    throw new ConfigProblem(`Cannot mount a subPath of volume "${mount.name}" with Docker`);
  if (volume.emptyDir !== undefined) return { mounts: [emptyDir(pod, volume, mount)] };
  const claim = volume.persistentVolumeClaim;
  if (claim === undefined)
    throw new ConfigProblem(`Cannot mount volume "${mount.name}": its type is not supported`);
  const ReadOnly = mount.readOnly === true || claim.readOnly === true;
  return {
    mounts: [{ Type: "volume", Source: claim.claimName, Target: mount.mountPath, ReadOnly }],
  };
}

/**
 * What Docker has to mount and which files to write for one container.
 *
 * @throws ConfigProblem when a source is missing or the kind of volume is not possible with Docker.
 */
export function mountsOf(
  pod: Pod,
  container: ContainerOf,
  sources: Sources,
  place: Place,
): Mounted {
  const parts = (container.volumeMounts ?? []).map((mount) => mountOne(pod, mount, sources, place));
  return {
    mounts: parts.flatMap(({ mounts }) => mounts ?? []),
    binds: parts.flatMap(({ binds }) => binds ?? []),
    files: parts.flatMap(({ files }) => files ?? []),
  };
}
