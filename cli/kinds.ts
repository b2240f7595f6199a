import { apiVersionOf, resourceText, type ResourceType } from "../api/machinery/gvk.ts";
import { Misuse, type Session } from "./command.ts";
import { readJson } from "./read.ts";

type Known = ResourceType & { readonly shortNames: readonly string[] };

const known = (
  [group, kind, plural]: readonly [group: string, kind: string, plural: string],
  namespaced: boolean,
  ...shortNames: readonly string[]
): Known => ({ group, version: "v1", kind, plural, namespaced, shortNames });

/**
 * Kinds that need no discovery: a `get app` is one request. Everything else, custom resources
 * included, is asked from the server.
 */
const builtIn: readonly Known[] = [
  known(["lighthouse.dev", "Application", "applications"], true, "app", "apps"),
  known(["lighthouse.dev", "Revision", "revisions"], true, "rev"),
  known(["lighthouse.dev", "Beacon", "beacons"], false),
  known(["", "Pod", "pods"], true, "po"),
  known(["", "Node", "nodes"], false, "no"),
  known(["", "Namespace", "namespaces"], false, "ns"),
  known(["", "Event", "events"], true, "ev"),
  known(["", "Secret", "secrets"], true),
  known(["", "ConfigMap", "configmaps"], true, "cm"),
  known(["coordination.k8s.io", "Lease", "leases"], true),
];

/** How a single object's type is shown, as kubectl does: `application.lighthouse.dev`, `pod`. */
export function kindText(type: ResourceType): string {
  return resourceText({ group: type.group, plural: type.kind.toLowerCase() });
}

/** Types that completion offers without asking a server. */
export const commonTypes: readonly string[] = builtIn.map(({ plural }) => plural);

function isCalled(type: Known, word: string): boolean {
  return (
    type.plural === word ||
    type.kind.toLowerCase() === word ||
    type.shortNames.includes(word) ||
    resourceText(type) === word
  );
}

type ApiResource = {
  readonly name: string;
  readonly singularName: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
};
type GroupList = {
  readonly groups: readonly {
    readonly name: string;
    readonly preferredVersion: { readonly version: string };
  }[];
};

async function resourcesOf(
  session: Session,
  group: string,
  version: string,
): Promise<readonly Known[]> {
  const root = group === "" ? "/api/" : "/apis/";
  const path = `${root}${apiVersionOf({ group, version })}`;
  const { resources } = await readJson<{ readonly resources: readonly ApiResource[] }>(
    session.client,
    path,
  );
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, kind, namespaced, shortNames, singularName }) => ({
      group,
      version,
      kind,
      plural: name,
      namespaced,
      shortNames: [...(shortNames ?? []), singularName],
    }));
}

/** All kinds that the server serves, in the preferred version of each group. */
export async function discover(session: Session): Promise<readonly Known[]> {
  const { groups } = await readJson<GroupList>(session.client, "/apis");
  const versions = groups.map(({ name, preferredVersion }) => [name, preferredVersion.version]);
  const lists = await Promise.all(
    [["", "v1"], ...versions].map(([group = "", version = "v1"]) =>
      resourcesOf(session, group, version),
    ),
  );
  return lists.flat();
}

/** The kind that a user's word means: plural, singular, short name or `plural.group`.
 * @throws Misuse when the server has no such type. */
export async function findType(session: Session, word: string): Promise<ResourceType> {
  const wanted = word.toLowerCase();
  const here = builtIn.find((type) => isCalled(type, wanted));
  if (here !== undefined) return here;
  const found = (await discover(session)).find((type) => isCalled(type, wanted));
  if (found === undefined) {
    throw new Misuse(
      `The server has no resource type "${word}": try one of ${commonTypes.join(", ")}`,
    );
  }
  return found;
}

/** The resource of a manifest's apiVersion and kind, or `undefined` if the server has none. */
export async function findKind(
  session: Session,
  group: string,
  version: string,
  kind: string,
): Promise<ResourceType | undefined> {
  const matches = (type: Known): boolean =>
    type.group === group && type.version === version && type.kind === kind;
  const here = builtIn.find(matches);
  if (here !== undefined) return here;
  return (await resourcesOf(session, group, version).catch(() => [])).find(matches);
}

/** `TYPE NAME...`, `TYPE/NAME...` or `TYPE,TYPE`: what the positional arguments of a command name. */
export type Named = { readonly type: ResourceType; readonly name?: string };

/** Resolves positional arguments. @throws Misuse */
export async function namedBy(
  session: Session,
  args: readonly string[],
): Promise<readonly Named[]> {
  const [first, ...names] = args;
  if (first === undefined) throw new Misuse("Missing TYPE, e.g. app, pods or nodes");
  if (args.some((arg) => arg.includes("/"))) {
    return Promise.all(
      args.map(async (arg) => {
        const [type = "", name = "", ...rest] = arg.split("/");
        if (name === "" || rest.length > 0) {
          throw new Misuse(
            `Write all arguments as TYPE/NAME, or TYPE NAME...: "${arg}" is neither`,
          );
        }
        return { type: await findType(session, type), name };
      }),
    );
  }
  const types = await Promise.all(first.split(",").map((word) => findType(session, word)));
  return names.length === 0
    ? types.map((type) => ({ type }))
    : types.flatMap((type) => names.map((name) => ({ type, name })));
}
