import { Readable } from "node:stream";
import { badRequest, forbidden, notFound } from "../../api/machinery/errors.ts";
import type { NodeAnswer, NodeCall } from "../../api/tunnel/node-link.ts";
import type { NodeRoute, RouteWorld } from "../node-route.ts";
import { archiveChanges } from "./archive.ts";
import { listDirectory, openFile } from "./content.ts";
import { checkedPath, resolvePath } from "./path-in-container.ts";

/** What every question about files goes to. */
type Place = {
  readonly io: RouteWorld["host"]["engine"]["io"];
  readonly id: string;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
};

/** The right that each question needs: what the API server decided is looked at again. */
const rights: Readonly<Record<string, string>> = {
  "/files/changes": "pods/changes",
  "/files/content": "pods/files",
  "/files/archive": "pods/archive",
};

const changeWords = { added: "Added", changed: "Changed", deleted: "Deleted" } as const;

function jsonAnswer(kind: string, rest: object): NodeAnswer {
  const text = `${JSON.stringify({ kind, apiVersion: "lighthouse.dev/v1", ...rest })}\n`;
  const headers = { "content-type": "application/json" };
  return { status: 200, headers, body: Readable.from([Buffer.from(text)]) };
}

async function changes({ io, id, signal }: Place): Promise<NodeAnswer> {
  const found = await io.changes(id, signal);
  const items = found.map(({ path, kind }) => ({ path, change: changeWords[kind] }));
  return jsonAnswer("FileChangeList", { items });
}

async function content(place: Place): Promise<NodeAnswer> {
  const { io, id, query, signal } = place;
  const asked = checkedPath(query.get("path") ?? "/");
  const { path, stat } = await resolvePath(io, id, asked, signal);
  if (stat.type === "directory")
    return jsonAnswer("FileList", { path, items: await listDirectory(place, path) });
  const file = await openFile(place, path);
  const headers = {
    "content-type": "application/octet-stream",
    "content-length": String(file.size),
    // Whatever a container wrote is no page of ours.
    "content-disposition": "attachment",
    "x-content-type-options": "nosniff",
  };
  return { status: 200, headers, body: file.content };
}

async function archive(place: Place): Promise<NodeAnswer> {
  const { io, id, query, signal } = place;
  const headers = { "content-type": "application/x-tar" };
  const asked = query.get("path");
  if (asked === null) return { status: 200, headers, body: archiveChanges(place) };
  const { path } = await resolvePath(io, id, checkedPath(asked), signal);
  return { status: 200, headers, body: await io.getArchive(id, path, signal) };
}

const questions: Readonly<Record<string, (place: Place) => Promise<NodeAnswer>>> = {
  "/files/changes": changes,
  "/files/content": content,
  "/files/archive": archive,
};

function checkCaller({ caller, method }: NodeCall, right: string): void {
  const { resource, verb, namespace = "", name = "" } = caller;
  if (resource === right && verb === "get" && method === "GET" && name !== "") return;
  throw forbidden(
    { group: "", plural: "pods" },
    `${namespace}/${name}`,
    `${verb} ${resource} does not allow ${method} of ${right}`,
  );
}

/** The newest container of that name which the pod has, running or not. @throws StatusError `NotFound` */
async function containerOf(
  { host }: RouteWorld,
  { caller }: NodeCall,
  query: URLSearchParams,
  signal: AbortSignal,
): Promise<string> {
  const { namespace = "default", name = "" } = caller;
  const uid = query.get("uid") ?? "";
  const container = query.get("container") ?? "";
  const owns = host.inventory.uidsOf({ namespace, name }).includes(uid);
  const facts = owns ? await host.inventory.of(uid, signal) : [];
  const own = facts.filter((fact) => fact.name === container);
  const fact = own.find(({ startedAtMs }) => startedAtMs !== undefined) ?? own[0];
  if (fact !== undefined) return fact.id;
  throw notFound({ group: "", plural: "containers" }, `${namespace}/${name}/${container}`);
}

/** Answers for the files in containers of pods: `/files/changes`, `/files/content`, `/files/archive`. */
export const filesRoute: NodeRoute = (world) => async (call, signal) => {
  const mark = call.path.indexOf("?");
  const path = mark < 0 ? call.path : call.path.slice(0, mark);
  const right = rights[path];
  const question = questions[path];
  if (right === undefined || question === undefined)
    throw badRequest(`Cannot answer ${path}: expected ${Object.keys(rights).join(", ")}`);
  checkCaller(call, right);
  const query = new URLSearchParams(mark < 0 ? "" : call.path.slice(mark + 1));
  const id = await containerOf(world, call, query, signal);
  return question({ io: world.host.engine.io, id, query, signal });
};
