import type { Pod } from "../../machinery/resources.ts";
import type { NodeHandler } from "../../tunnel/node-link.ts";
import { relayAnswer } from "../docker/relay.ts";
import type { Endpoint, Handler } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { existing, keyOfCall } from "../objects/update.ts";
import { callerOf } from "../tunnel/caller.ts";
import { chooseContainer, nodeOf } from "./container-choice.ts";
import type { NodeStreams } from "./pod-streams.ts";

type Call = Parameters<NodeHandler>[0];

/** Asks the agent of a Pod's Node about the files of one of its containers, running or not. */
function askForFiles(nodes: NodeStreams, question: string): Handler {
  return async (call, { request, reply }) => {
    const pod = existing(call, await readItem(call.storage, keyOfCall(call))).object as Pod;
    const container = chooseContainer(pod, call.query.get("container"));
    const query = new URLSearchParams({ uid: pod.metadata.uid, container });
    const path = call.query.get("path");
    if (path !== undefined) query.set("path", path);
    const asked: Call = {
      method: "GET",
      path: `/files/${question}?${query.toString()}`,
      headers: {},
      caller: callerOf(request, reply),
    };
    const gone = new AbortController();
    reply.raw.on("close", () => gone.abort());
    const handler = nodes.handler(nodeOf(pod));
    await relayAnswer(
      reply,
      await handler(asked, AbortSignal.any([gone.signal, request.ending()])),
    );
    return undefined;
  };
}

/**
 * Subresources of Pods for what is in their containers: `changes` lists what differs from the image,
 * `files?path=` is a file or a directory's list, `archive[?path=]` a tar of a path or of all changes.
 */
export function podFiles(nodes: NodeStreams): readonly (readonly [string, Endpoint])[] {
  return [
    ["pods/archive", { get: askForFiles(nodes, "archive") }],
    ["pods/changes", { get: askForFiles(nodes, "changes") }],
    ["pods/files", { get: askForFiles(nodes, "content") }],
  ];
}
