import { StatusError } from "../errors.ts";

/** What a call of the Engine API does, as RBAC tells it apart: `nodes/docker-read` and so on. */
export const dockerAccesses = ["read", "write", "exec", "build"] as const;
export type DockerAccess = (typeof dockerAccesses)[number];

/** What the name in a path is the name of. */
export type DockerTarget = "container" | "exec" | "image" | "network" | "volume";

/** One row of the table: what may be asked of an engine, and what it is. */
export type DockerOperation = {
  readonly method: string;
  /** `{id}` stands for one segment, `{name*}` for one or more. */
  readonly pattern: string;
  /** Absent: never answered, see `why`. */
  readonly access?: DockerAccess;
  /** Why it is never answered. */
  readonly why?: string;
  /** What the placeholder of the pattern names. */
  readonly target?: DockerTarget;
  /** Changes nothing of what it names, so it is for Lighthouse's own containers too. */
  readonly keeps: boolean;
  /** Nobody can look into what it carries: only for who may override. */
  readonly opaque: boolean;
  /** `json` bodies are parsed, judged and written anew; without one nothing is sent on. */
  readonly body: "none" | "json" | "stream";
  /** Names that its query may have; absent: any. */
  readonly query?: readonly string[];
};

type More = Partial<Omit<DockerOperation, "method" | "pattern" | "query">> & {
  /** Separated by spaces. */
  readonly query?: string;
};

const row = (route: string, access: DockerAccess, more: More = {}): DockerOperation => {
  const [method = "", pattern = ""] = route.split(" ");
  const { query, ...rest } = more;
  return {
    method,
    pattern,
    access,
    keeps: access === "read",
    opaque: false,
    body: "none",
    ...rest,
    ...(query === undefined ? {} : { query: query.split(" ").filter((name) => name !== "") }),
  };
};

const never = (why: string, routes: readonly string[]): readonly DockerOperation[] =>
  routes.map((route) => {
    const [method = "", pattern = ""] = route.split(" ");
    return { method, pattern, why, keeps: false, opaque: false, body: "none" };
  });

const ofContainer = { target: "container" } as const;
const ofExec = { target: "exec" } as const;
const ofImage = { target: "image" } as const;
const ofNetwork = { target: "network" } as const;
const ofVolume = { target: "volume" } as const;

const system: readonly DockerOperation[] = [
  row("GET /_ping", "read"),
  row("HEAD /_ping", "read"),
  row("GET /version", "read"),
  row("GET /info", "read"),
  row("GET /events", "read"),
  row("GET /system/df", "read"),
  // The engine sends the credentials to an address of the caller's choice.
  row("POST /auth", "write", { body: "json", query: "" }),
];

const containers: readonly DockerOperation[] = [
  row("GET /containers/json", "read"),
  row("POST /containers/create", "write", { body: "json", query: "name platform" }),
  row("POST /containers/prune", "write", { query: "filters" }),
  row("GET /containers/{id}/json", "read", ofContainer),
  row("GET /containers/{id}/top", "read", ofContainer),
  row("GET /containers/{id}/logs", "read", ofContainer),
  row("GET /containers/{id}/changes", "read", ofContainer),
  row("GET /containers/{id}/stats", "read", ofContainer),
  row("POST /containers/{id}/wait", "read", { ...ofContainer, query: "condition" }),
  // Whoever reads files out of a container could as well run `cat` in it.
  row("GET /containers/{id}/export", "exec", { ...ofContainer, keeps: true }),
  row("GET /containers/{id}/archive", "exec", { ...ofContainer, keeps: true }),
  row("HEAD /containers/{id}/archive", "exec", { ...ofContainer, keeps: true }),
  row("PUT /containers/{id}/archive", "exec", {
    ...ofContainer,
    body: "stream",
    query: "path noOverwriteDirNonDir copyUIDGID",
  }),
  row("POST /containers/{id}/attach", "exec", {
    ...ofContainer,
    query: "detachKeys logs stream stdin stdout stderr",
  }),
  row("POST /containers/{id}/exec", "exec", { ...ofContainer, body: "json", query: "" }),
  row("POST /containers/{id}/resize", "exec", { ...ofContainer, query: "h w" }),
  row("POST /containers/{id}/start", "write", { ...ofContainer, query: "detachKeys" }),
  row("POST /containers/{id}/stop", "write", { ...ofContainer, query: "signal t" }),
  row("POST /containers/{id}/restart", "write", { ...ofContainer, query: "signal t" }),
  row("POST /containers/{id}/kill", "write", { ...ofContainer, query: "signal" }),
  row("POST /containers/{id}/update", "write", { ...ofContainer, body: "json", query: "" }),
  row("POST /containers/{id}/rename", "write", { ...ofContainer, query: "name" }),
  row("POST /containers/{id}/pause", "write", { ...ofContainer, query: "" }),
  row("POST /containers/{id}/unpause", "write", { ...ofContainer, query: "" }),
  row("DELETE /containers/{id}", "write", { ...ofContainer, query: "v force link" }),
  row("GET /exec/{id}/json", "read", ofExec),
  row("POST /exec/{id}/start", "exec", { ...ofExec, body: "json", query: "" }),
  row("POST /exec/{id}/resize", "exec", { ...ofExec, query: "h w" }),
  ...never("attaching over a WebSocket is not relayed, use POST", [
    "GET /containers/{id}/attach/ws",
  ]),
  ...never("checkpoints are written to a directory of the host", [
    "GET /containers/{id}/checkpoints",
    "POST /containers/{id}/checkpoints",
    "DELETE /containers/{id}/checkpoints/{checkpoint}",
  ]),
];

const images: readonly DockerOperation[] = [
  row("GET /images/json", "read"),
  // Makes the engine ask a registry.
  row("GET /images/search", "write"),
  row("GET /distribution/{name*}/json", "write"),
  row("GET /images/get", "read"),
  row("GET /images/{name*}/get", "read", ofImage),
  row("GET /images/{name*}/json", "read", ofImage),
  row("GET /images/{name*}/history", "read", ofImage),
  row("GET /images/{name*}/attestations", "read", ofImage),
  row("POST /images/create", "write", {
    body: "stream",
    query: "fromImage fromSrc repo tag message platform changes",
  }),
  row("POST /images/load", "write", { body: "stream", query: "quiet platform" }),
  row("POST /images/prune", "write", { query: "filters" }),
  row("POST /images/{name*}/push", "write", { keeps: true, query: "tag platform" }),
  row("POST /images/{name*}/tag", "write", { keeps: true, query: "repo tag" }),
  row("DELETE /images/{name*}", "write", { ...ofImage, query: "force noprune platforms" }),
  row("POST /commit", "build", {
    body: "json",
    query: "container repo tag comment author pause changes",
  }),
  row("POST /build", "build", {
    body: "stream",
    query:
      "dockerfile t extrahosts remote q nocache cachefrom pull rm forcerm memory memswap cpushares " +
      "cpusetcpus cpusetmems cpuperiod cpuquota buildargs shmsize squash labels networkmode platform target " +
      "outputs version buildid ulimits securityopt cgroupparent isolation session",
  }),
  row("POST /build/cancel", "build", { query: "id" }),
  row("POST /build/prune", "build", {
    query: "all filters keep-storage max-used-space min-free-space reserved-space",
  }),
  // BuildKit speaks gRPC of its own here.
  row("POST /session", "build", { opaque: true, query: "" }),
  row("POST /grpc", "build", { opaque: true, query: "" }),
];

const networks: readonly DockerOperation[] = [
  row("GET /networks", "read"),
  row("POST /networks/create", "write", { body: "json", query: "" }),
  row("POST /networks/prune", "write", { query: "filters" }),
  row("GET /networks/{id}", "read", ofNetwork),
  row("DELETE /networks/{id}", "write", { ...ofNetwork, query: "" }),
  row("POST /networks/{id}/connect", "write", { ...ofNetwork, body: "json", query: "" }),
  row("POST /networks/{id}/disconnect", "write", { ...ofNetwork, body: "json", query: "" }),
  row("GET /volumes", "read"),
  row("POST /volumes/create", "write", { body: "json", query: "" }),
  row("POST /volumes/prune", "write", { query: "filters" }),
  row("GET /volumes/{name}", "read", ofVolume),
  row("DELETE /volumes/{name}", "write", { ...ofVolume, query: "force" }),
  ...never("it is for the cluster volumes of Docker Swarm", ["PUT /volumes/{name}"]),
];

const swarm = never("Docker Swarm would be a second orchestrator of the same host", [
  "GET /swarm",
  "POST /swarm/init",
  "POST /swarm/join",
  "POST /swarm/leave",
  "POST /swarm/update",
  "GET /swarm/unlockkey",
  "POST /swarm/unlock",
  "GET /nodes",
  "GET /nodes/{id}",
  "DELETE /nodes/{id}",
  "POST /nodes/{id}/update",
  "GET /services",
  "POST /services/create",
  "GET /services/{id}",
  "DELETE /services/{id}",
  "POST /services/{id}/update",
  "GET /services/{id}/logs",
  "GET /tasks",
  "GET /tasks/{id}",
  "GET /tasks/{id}/logs",
  "GET /secrets",
  "POST /secrets/create",
  "GET /secrets/{id}",
  "DELETE /secrets/{id}",
  "POST /secrets/{id}/update",
  "GET /configs",
  "POST /configs/create",
  "GET /configs/{id}",
  "DELETE /configs/{id}",
  "POST /configs/{id}/update",
]);

// CVE-2026-44848 of Portainer: installing one is root on the host.
const plugins: readonly DockerOperation[] = [
  row("GET /plugins", "read"),
  ...never("a plugin runs as root on the host; install it there", [
    "GET /plugins/privileges",
    "POST /plugins/pull",
    "POST /plugins/create",
    "POST /plugins/{name*}/disable",
    "POST /plugins/{name*}/enable",
    "POST /plugins/{name*}/push",
    "POST /plugins/{name*}/set",
    "POST /plugins/{name*}/upgrade",
    "DELETE /plugins/{name*}",
  ]),
  row("GET /plugins/{name*}/json", "read"),
];

/** Every operation that is known of the Engine API; what is not in here is refused. */
export const dockerOperations: readonly DockerOperation[] = [
  ...system,
  ...containers,
  ...images,
  ...networks,
  ...swarm,
  ...plugins,
];

type Compiled = { readonly operation: DockerOperation; readonly matches: RegExp };

function compile(operation: DockerOperation): Compiled {
  const source = operation.pattern
    .replaceAll(".", String.raw`\.`)
    .replaceAll(/\{\w+\*\}/g, "(.+)")
    .replaceAll(/\{\w+\}/g, "([^/]+)");
  return { operation, matches: new RegExp(`^${source}$`) };
}

const byMethod = Map.groupBy(dockerOperations.map(compile), ({ operation }) => operation.method);

/** A call that the table knows. */
export type FoundOperation = {
  readonly operation: DockerOperation;
  /** What the placeholder stands for; empty without one. */
  readonly name: string;
};

/** The row for a decoded path below the version, or `undefined`: then it must be refused. */
export function findOperation(method: string, path: string): FoundOperation | undefined {
  for (const { operation, matches } of byMethod.get(method) ?? []) {
    const found = matches.exec(path);
    if (found !== null) return { operation, name: found[1] ?? "" };
  }
  return undefined;
}

/** The refusal of what no table row allows. */
export function refusedOperation(
  method: string,
  path: string,
  found: FoundOperation | undefined,
): StatusError {
  const why = found?.operation.why ?? "it is no known call of the Docker Engine API";
  return new StatusError("Forbidden", `Cannot pass ${method} ${path} to Docker: ${why}`);
}

/** The path with another name in the place of its placeholder. */
export function withName({ pattern }: DockerOperation, name: string): string {
  return pattern.replace(/\{\w+\*?\}/, () => name);
}
