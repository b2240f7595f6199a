import { dataPrefix, parseDataSource } from "../../machinery/data-source.ts";
import { invalid, type StatusCause } from "../../machinery/errors.ts";
import { equalJson } from "../../machinery/equality.ts";
import { invalidValue } from "../../machinery/field-causes.ts";
import type { AnyObject } from "../../machinery/object.ts";
import type { Pod } from "../../machinery/resources.ts";
import type { Admission } from "./chain.ts";

/** A pod, or the template of one. */
type Template = {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: Partial<Pod["spec"]>;
};

/** Why data cannot be brought into a volume; `undefined` when it can. */
function whyNotInto({ spec }: Template, name: string): string | undefined {
  const volume = (spec?.volumes ?? []).find((one) => one.name === name);
  if (volume === undefined) return `names no volume of the pod: there is none called "${name}"`;
  if (volume.emptyDir === undefined) return `needs volume "${name}" to be an emptyDir`;
  if (volume.emptyDir.medium === "Memory")
    return `needs volume "${name}" on disk, as memory is empty before a container starts`;
  const mounts = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].flatMap(
    ({ volumeMounts }) => volumeMounts ?? [],
  );
  const takes = mounts.some(
    (mount) => mount.name === name && mount.readOnly !== true && mount.subPath === undefined,
  );
  return takes ? undefined : `needs a container that mounts volume "${name}" whole and writable`;
}

/** Everything wrong with the data that a pod or a template asks for. */
export function dataCauses(template: Template, path: string): readonly StatusCause[] {
  const annotations = Object.entries(template.metadata?.annotations ?? {});
  return annotations.flatMap(([key, value]) => {
    if (!key.startsWith(dataPrefix)) return [];
    const volume = key.slice(dataPrefix.length);
    const source = parseDataSource(volume, value);
    const why = typeof source === "string" ? source : whyNotInto(template, volume);
    return why === undefined
      ? []
      : [invalidValue(`${path}metadata.annotations[${key}]`, value, why)];
  });
}

const templateOf = (object: AnyObject | undefined): Template | undefined =>
  (object as { readonly spec?: { readonly template?: Template } } | undefined)?.spec?.template;

/**
 * Refuses Pods on their creation, and Applications whose template changed, that ask for data which could
 * never be brought: see `parseDataSource`.
 */
export function dataSourceRefusals(): Admission {
  return {
    async judge({ kind, subresource, object, before, name }) {
      if (subresource !== "") return;
      const isPod = kind.group === "" && kind.plural === "pods" && before === undefined;
      const isApplication = kind.group === "lighthouse.dev" && kind.plural === "applications";
      const template = isPod
        ? (object as Template)
        : isApplication
          ? templateOf(object)
          : undefined;
      if (template === undefined || equalJson(template, templateOf(before))) return;
      const causes = dataCauses(template, isPod ? "" : "spec.template.");
      if (causes.length > 0) throw invalid(kind, object.metadata.name ?? name, causes);
    },
  };
}
