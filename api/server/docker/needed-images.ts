import type { Revision } from "../../../crds/types.gen.ts";
import { StatusError } from "../../machinery/errors.ts";
import { collectionPrefix } from "../../store/keys.ts";
import type { WatchCache } from "../../store/watch-cache.ts";
import type { NodeCall, NodeHandler } from "../../tunnel/node-link.ts";

const revisions = collectionPrefix({ group: "lighthouse.dev", plural: "revisions" });

/** What an engine says of an image; only what we read. */
type Image = {
  readonly Id?: string;
  readonly RepoDigests?: readonly string[] | null;
  readonly RepoTags?: readonly string[] | null;
};

/** An inspect of an image is far below. Bytes. */
const maxAnswerBytes = 4 << 20;

async function inspect(handler: NodeHandler, call: NodeCall, signal: AbortSignal): Promise<Image> {
  const path = `${call.path.replace(/\?.*$/s, "")}/json`;
  // The server asks on its own account, to judge what the caller wants.
  const caller = { ...call.caller, verb: "get", resource: "nodes/docker-read" };
  const asked = { method: "GET", path, headers: {}, caller };
  const { status, body } = await handler(asked, signal);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxAnswerBytes) chunks.push(chunk);
  }
  if (status !== 200) return {}; // no such image: the engine shall say so itself
  return JSON.parse(Buffer.concat(chunks).toString("utf8")) as Image;
}

function isNeeded({ spec, status }: Revision, { Id, RepoDigests }: Image): boolean {
  const digests = new Set([Id, ...(RepoDigests ?? []).map((one) => one.split("@")[1])]);
  const recorded = [...(spec.images ?? []), ...(status?.images ?? [])];
  return recorded.some(({ digest }) => digests.has(digest));
}

/**
 * Refuses to remove an image that a Revision has recorded: the way back to it would need a registry.
 * @throws StatusError `Forbidden` naming the Revision and the way out
 */
export async function keepNeededImage(
  cache: Pick<WatchCache, "list">,
  handler: NodeHandler,
  { call, signal }: { readonly call: NodeCall; readonly signal: AbortSignal },
): Promise<void> {
  const image = await inspect(handler, call, signal);
  const needing = cache
    .list(revisions)
    .map(({ object }) => object as Revision)
    .find((revision) => isNeeded(revision, image));
  if (needing === undefined) return;
  const { namespace = "default", name } = needing.metadata;
  throw new StatusError(
    "Forbidden",
    `Cannot remove image ${image.RepoTags?.[0] ?? image.Id ?? ""}: Revision ${namespace}/${name} needs it for the way back; delete that Revision, or get the right to override nodes/docker-write of this node`,
  );
}
