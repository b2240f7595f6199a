import { basename } from "node:path";
import { tar } from "../engine/tar.ts";
import { ApiError } from "./api-error.ts";
import type { SimulatedContainer } from "./container.ts";
import { frame, type LogEntry, type LogQuery, type StreamName } from "./container-log.ts";
import { createExec, findExec } from "./exec.ts";
import { flag, type Handler, route, type Route } from "./router.ts";
import { toStats } from "./stats.ts";
import { untilClosed } from "./system-routes.ts";
import { untar } from "./untar.ts";
import type { World } from "./world.ts";

function logQuery(query: URLSearchParams): LogQuery {
  const names: readonly StreamName[] = ["stdout", "stderr"];
  const streams = names.filter((name) => flag(query, name));
  if (streams.length === 0)
    throw new ApiError(400, "Bad parameters: you must choose at least one stream");
  const tail = query.get("tail") ?? "all";
  return {
    streams,
    sinceMs: Number(query.get("since") ?? 0) * 1000,
    tail: /^\d+$/.test(tail) ? Number(tail) : undefined,
  };
}

function stamped(entry: LogEntry): LogEntry {
  const time = new Date(entry.atMs).toISOString().replace("Z", "000000Z");
  return { ...entry, bytes: Buffer.concat([Buffer.from(`${time} `), entry.bytes]) };
}

const logs =
  (world: World): Handler =>
  async ({ params: [id = ""], query, response }) => {
    const container = world.container(id);
    const wanted = logQuery(query);
    const write = (entry: LogEntry): void => {
      const shown = flag(query, "timestamps") ? stamped(entry) : entry;
      response.write(container.spec.Tty === true ? shown.bytes : frame(shown));
    };
    response.writeHead(200, { "Content-Type": "application/octet-stream" });
    response.flushHeaders();
    container.log.read(wanted).forEach(write);
    if (!flag(query, "follow") || container.phase !== "running") {
      response.end();
      return undefined;
    }
    const stop = container.log.listen((entry) => {
      if (wanted.streams.includes(entry.stream)) write(entry);
    });
    container.onExit.add(() => response.end());
    return untilClosed(response, stop);
  };

const absolute = (path: string): string => `/${path.replace(/^[./]+/, "")}`;

const putArchive =
  (world: World): Handler =>
  async (call) => {
    const container = world.container(call.params[0] ?? "");
    const folder = (call.query.get("path") ?? "/").replace(/\/+$/, "");
    for (const { path, content } of untar(await call.body()))
      container.files.set(absolute(`${folder}/${path.replace(/^\.?\//, "")}`), content);
    return { status: 200 };
  };

function below({ files }: SimulatedContainer, path: string): ReadonlyMap<string, Buffer> {
  const prefix = path.endsWith("/") ? path : `${path}/`;
  return new Map([...files].filter(([name]) => name === path || name.startsWith(prefix)));
}

/** Of Go's io/fs.FileMode. */
const goDirectory = 2 ** 31;

const getArchive =
  (world: World): Handler =>
  async ({ params: [id = ""], query, request, response }) => {
    const container = world.container(id);
    const path = absolute(query.get("path") ?? "");
    const found = below(container, path);
    if (found.size === 0)
      throw new ApiError(404, `Could not find the file ${path} in container ${id}`);
    const entries = [...found].map(([name, content]) => ({
      type: "file" as const,
      path: `${basename(path)}${name.slice(path.length)}`,
      content,
    }));
    const file = found.get(path);
    const mode = file === undefined ? goDirectory + 0o755 : 0o644;
    const stat = { name: basename(path), size: file?.length ?? 0, mode };
    response.writeHead(200, {
      "Content-Type": "application/x-tar",
      "X-Docker-Container-Path-Stat": Buffer.from(JSON.stringify(stat)).toString("base64"),
    });
    response.end(request.method === "HEAD" ? undefined : tar(entries));
    return undefined;
  };

/** Files that were written since the start; nothing of an image is kept, so nothing else differs. */
const changes =
  (world: World): Handler =>
  async ({ params: [id = ""] }) => {
    const paths = [...world.container(id).files.keys()].sort();
    return { status: 200, body: paths.map((Path) => ({ Path, Kind: 1 })) };
  };

const stats =
  (world: World): Handler =>
  async ({ params: [id = ""] }) => ({
    status: 200,
    body: toStats(world.container(id), world.now()),
  });

/** Logs, commands, files and measurements; what hijacks a connection is in `hijack.ts`. */
export function ioRoutes(world: World): readonly Route[] {
  return [
    route("GET", "/containers/:id/logs", logs(world)),
    route("GET", "/containers/:id/stats", stats(world)),
    route("GET", "/containers/:id/changes", changes(world)),
    route("PUT", "/containers/:id/archive", putArchive(world)),
    route("GET", "/containers/:id/archive", getArchive(world)),
    route("HEAD", "/containers/:id/archive", getArchive(world)),
    route("POST", "/containers/:id/resize", async ({ params: [id = ""] }) => {
      world.container(id);
      return { status: 200 };
    }),
    route("POST", "/containers/:id/exec", async (call) => {
      const container = world.container(call.params[0] ?? "");
      const exec = createExec(world, container, await call.json());
      return { status: 201, body: { Id: exec.id } };
    }),
    route("GET", "/exec/:id/json", async ({ params: [id = ""] }) => {
      const exec = findExec(world, id);
      const Running = exec.process !== undefined && exec.exitCode === undefined;
      const Pid = exec.process?.pid ?? 0;
      const body = { ID: id, Running, ExitCode: exec.exitCode ?? null, Pid };
      return { status: 200, body: { ...body, ContainerID: exec.container.id } };
    }),
    route("POST", "/exec/:id/resize", async ({ params: [id = ""] }) => {
      if (findExec(world, id).exitCode !== undefined)
        throw new ApiError(500, "cannot resize a stopped container: unknown");
      return { status: 200 };
    }),
  ];
}
