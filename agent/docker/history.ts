import { Readable } from "node:stream";
import { queryValue } from "../../api/machinery/docker/docker-url.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import { nodes } from "../../api/machinery/resources.ts";
import type { NodeAnswer } from "../../api/tunnel/node-link.ts";
import type { RouteWorld } from "../node-route.ts";
import { readAnswer } from "./ask-engine.ts";
import type { AskedCall, GuardedCall } from "./guard.ts";

/** Reasons of the Events on a Node by which is told what somebody did there by hand. */
const reasons = {
  made: "DockerCreated",
  removed: "DockerRemoved",
  pruned: "DockerPruned",
} as const;

type Passed = Exclude<GuardedCall, { refusal: unknown }>;
type Story = { readonly reason: string; readonly message: string };

const short = (id: string): string => id.slice(0, 12);

/** What the answer to a create or prune says; other answers are not read. */
async function readBack(answer: NodeAnswer): Promise<readonly [NodeAnswer, unknown]> {
  const bytes = await readAnswer(answer.body);
  const body = Readable.from([bytes], { objectMode: false });
  try {
    return [{ ...answer, body }, JSON.parse(bytes.toString("utf8"))];
  } catch {
    return [{ ...answer, body }, undefined]; // an engine that says nonsense: the caller shall see it
  }
}

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];

function madeStory({ call, url }: AskedCall, { image }: Passed, said: unknown): Story | undefined {
  const { Id } = (said ?? {}) as { readonly Id?: unknown };
  if (typeof Id !== "string") return undefined;
  const name = queryValue(url.query, "name") ?? "";
  const named = name === "" ? short(Id) : `${name} (${short(Id)})`;
  const { user } = call.caller;
  return {
    reason: reasons.made,
    message: `User ${user} created container ${named} of image ${image ?? "unknown"} with docker`,
  };
}

function prunedStory({ call }: AskedCall, said: unknown): Story | undefined {
  const { ContainersDeleted } = (said ?? {}) as { readonly ContainersDeleted?: unknown };
  const ids = strings(ContainersDeleted).map(short);
  if (ids.length === 0) return undefined;
  const message = `User ${call.caller.user} pruned ${ids.length} containers with docker: ${ids.join(", ")}`;
  return { reason: reasons.pruned, message };
}

function removedStory({ call }: AskedCall, { container }: Passed): Story | undefined {
  if (container === undefined) return undefined;
  const { id, name, image } = container;
  const message = `User ${call.caller.user} removed container ${name} (${short(id)}) of image ${image} with docker`;
  return { reason: reasons.removed, message };
}

async function storyOf(
  asked: AskedCall,
  passed: Passed,
  answer: NodeAnswer,
): Promise<readonly [NodeAnswer, Story | undefined]> {
  const { method, pattern } = asked.found.operation;
  switch (`${method} ${pattern} ${answer.status}`) {
    case "POST /containers/create 201": {
      const [same, said] = await readBack(answer);
      return [same, madeStory(asked, passed, said)];
    }
    case "POST /containers/prune 200": {
      const [same, said] = await readBack(answer);
      return [same, prunedStory(asked, said)];
    }
    case "DELETE /containers/{id} 204":
      return [answer, removedStory(asked, passed)];
    default:
      return [answer, undefined];
  }
}

/** Tells containers that come and go by hand in Events of the Node: who, what, of which image. */
export function createHistory({ client, nodeName, recorder, log, signal }: RouteWorld) {
  let node: Promise<KubeObject | undefined> | undefined;
  const tell = async (story: Story): Promise<void> => {
    try {
      node ??= client.get(nodes, { name: nodeName }, signal);
      const about = await node;
      if (about !== undefined) recorder.event(about, { type: "Normal", ...story });
    } catch (err) {
      node = undefined;
      log.warn({ err, node: nodeName }, "cannot tell what was done by hand");
    }
  };
  return async (asked: AskedCall, passed: Passed, answer: NodeAnswer): Promise<NodeAnswer> => {
    const [same, story] = await storyOf(asked, passed, answer);
    if (story !== undefined) void tell(story); // never rejects; nobody waits for an Event
    return same;
  };
}
