import type { Node, Pod } from "../api/machinery/resources.ts";
import type { PlannedImage, PlannedSlot } from "../crds/rollout-plan.ts";
import type { Application, ImageDigest } from "../crds/types.gen.ts";
import type { ApplicationPreview } from "./application/preview.ts";

type World = {
  readonly application: Application;
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
};

/** A Node tells of so many images at most (kubelet: nodeStatusMaxImages): then others may be there. */
const maxToldImages = 50;

/** Images that containers of the pod were made from, as asked for and as they turned out. */
function imagesIn({ spec, status }: Pod): readonly string[] {
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  const made = [...containerStatuses, ...initContainerStatuses].filter((one) => one.imageID !== "");
  const there = new Set(made.map(({ name }) => name));
  const asked = [...spec.containers, ...(spec.initContainers ?? [])];
  const names = asked.flatMap(({ name, image }) => (there.has(name) ? (image ?? []) : []));
  return [...names, ...made.map(({ imageID }) => imageID)];
}

/** Images that are on a Node because some pod there has a container of them, by Node. */
function usedImages(pods: readonly Pod[]): ReadonlyMap<string, ReadonlySet<string>> {
  const used = new Map<string, Set<string>>();
  for (const pod of pods) {
    const { nodeName = "" } = pod.spec;
    const images = used.get(nodeName) ?? new Set();
    for (const image of imagesIn(pod)) images.add(image);
    used.set(nodeName, images);
  }
  return used;
}

type Image = {
  readonly image: string;
  readonly digest?: string;
  /** Its registry is asked each time. */
  readonly isAlways: boolean;
};

/** As the API server defaults it: a tag that moves is looked up each time. */
function isAlways(image: string, policy: string | undefined): boolean {
  if (policy !== undefined) return policy === "Always";
  const name = image.slice(image.lastIndexOf("/") + 1);
  return !name.includes("@") && (!name.includes(":") || name.endsWith(":latest"));
}

function imagesOf({ spec }: Application, digests: readonly ImageDigest[]): readonly Image[] {
  const { containers, initContainers = [] } = spec.template.spec;
  const byName = new Map<string, Image>();
  for (const { image = "", imagePullPolicy } of [...initContainers, ...containers]) {
    const digest = digests.find((one) => one.image === image)?.digest;
    const always = digest === undefined && isAlways(image, imagePullPolicy);
    byName.set(image, {
      image,
      ...(digest === undefined ? {} : { digest }),
      isAlways: always || byName.get(image)?.isAlways === true,
    });
  }
  return [...byName.values()].filter(({ image }) => image !== "");
}

type Presence = keyof Pick<PlannedImage, "present" | "pull" | "unknown">;

function presenceOn(
  node: Node | undefined,
  { image, digest, isAlways: always }: Image,
  used: ReadonlySet<string> = new Set(),
): Presence {
  if (always) return "pull";
  const told = node?.status?.images ?? [];
  const names = new Set([...used, ...told.flatMap(({ names: all = [] }) => all)]);
  const isThere =
    names.has(image) || (digest !== undefined && [...names].some((name) => name.endsWith(digest)));
  if (isThere) return "present";
  return told.length > 0 && told.length < maxToldImages ? "pull" : "unknown";
}

/** Where the images of the template are, among the Nodes that slots are to be on. */
export function imagePlaces(
  { application, pods, nodes }: World,
  { digests }: ApplicationPreview,
  slots: readonly PlannedSlot[],
): readonly PlannedImage[] {
  const used = usedImages(pods);
  const nodeOf = new Map(nodes.map((node) => [node.metadata.name, node]));
  const wanted = [...new Set(slots.flatMap(({ node }) => node ?? []))].toSorted();
  return imagesOf(application, digests).map((image) => {
    const places = Map.groupBy(wanted, (name) =>
      presenceOn(nodeOf.get(name), image, used.get(name)),
    );
    const on = (presence: Presence): readonly string[] => places.get(presence) ?? [];
    const [present, pull, unknown] = [on("present"), on("pull"), on("unknown")];
    return { image: image.image, present, pull, unknown };
  });
}
