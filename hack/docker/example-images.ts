import { readFile } from "node:fs/promises";
import type { Images } from "../../agent/engine/engine.ts";
import { tar, type TarEntry } from "../../agent/engine/tar.ts";

/** How the one process of an example image behaves. */
export type Recipe = {
  /** Lines of its /bin/sh script; `$VERSION` and `$PORT` are set. */
  readonly script: string;
  /** Served at `/` by `web` recipes. */
  readonly version: string;
  /** Dockerfile lines beside CMD, ENV and EXPOSE. */
  readonly changes?: readonly string[];
};

const busybox = "/bin/busybox";
const applets = [
  ..."[ cat chmod chown cp cut date dd df echo env false find grep head hostname httpd id ip".split(
    " ",
  ),
  ..."kill ln ls mkdir mktemp mv nc netstat nslookup ping printf ps pwd rm sed seq sh sleep".split(
    " ",
  ),
  ..."sort stat stty tail tar tee test touch tr true uname vi wc wget which whoami xargs".split(
    " ",
  ),
];

// PID 1 has no default signal handlers: without the trap a stop would wait for SIGKILL.
const serve = [
  "mkdir -p /www",
  'echo "$VERSION" > /www/index.html',
  'trap "kill \\$child; exit 0" TERM INT',
  'echo "listening on port $PORT, version $VERSION"',
  'httpd -f -p "$PORT" -h /www &',
  "child=$!",
  "wait $child",
].join("\n");

const idle = ['trap "exit 0" TERM INT', "while :; do sleep 1 & wait $!; done"].join("\n");

/** Serves its version over HTTP on `$PORT`, 80 unless set; ends at once on SIGTERM. */
export function webRecipe(version: string): Recipe {
  return { script: serve, version };
}

/** Ends at once with exit code 1 and a line on stderr, as a broken release does. */
export const crashRecipe: Recipe = {
  script: 'echo "cannot open configuration, version $VERSION" >&2\nexit 1',
  version: "crash",
};

/** Runs, but listens on no port: its probes never succeed. */
export const silentRecipe: Recipe = { script: idle, version: "silent" };

/** Serves, and its HEALTHCHECK succeeds once /tmp/sick is absent: touch that file to make it unhealthy. */
export const healthRecipe: Recipe = {
  script: serve,
  version: "health",
  changes: [
    "HEALTHCHECK --interval=250ms --timeout=2s --retries=2 CMD test ! -e /tmp/sick && wget -q -O /dev/null http://127.0.0.1:$PORT/",
  ],
};

/** Serves, and its HEALTHCHECK always fails. */
export const unhealthyRecipe: Recipe = {
  script: serve,
  version: "unhealthy",
  changes: ["HEALTHCHECK --interval=250ms --timeout=2s --retries=2 CMD false"],
};

/** A static busybox: Debian's busybox-static. */
export async function readBusybox(): Promise<Uint8Array> {
  try {
    return await readFile(busybox);
  } catch (cause) {
    throw new Error(`Cannot read ${busybox}: install Debian's busybox-static`, { cause });
  }
}

function rootfs(program: Uint8Array, script: string): Buffer {
  const directory = (path: string): TarEntry => ({ type: "directory", path });
  const file = (path: string, content: string, mode = 0o644): TarEntry => ({
    type: "file",
    path,
    content: Buffer.from(content),
    mode,
  });
  return tar([
    ...["bin", "etc", "proc", "sys", "dev", "root", "var"].map(directory),
    { type: "directory", path: "tmp", mode: 0o1777 },
    { type: "file", path: "bin/busybox", content: program, mode: 0o755 },
    ...applets.map((name): TarEntry => ({
      type: "symlink",
      path: `bin/${name}`,
      target: "busybox",
    })),
    file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"),
    file("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    file("bin/run", `#!/bin/sh\n${script}\n`, 0o755),
  ]);
}

/**
 * Makes a 2 MB image from a static busybox through the engine's import: no registry, no build, no
 * docker CLI. The same recipe gives the same layer. Resolves to the image id. `program` replaces the
 * busybox, for engines that run nothing.
 */
export async function makeImage(
  images: Pick<Images, "import">,
  reference: string,
  recipe: Recipe,
  program?: Uint8Array,
): Promise<string> {
  const archive = rootfs(program ?? (await readBusybox()), recipe.script);
  return images.import(reference, archive, [
    "ENV PATH=/bin",
    "ENV PORT=80",
    `ENV VERSION=${recipe.version}`,
    "EXPOSE 80",
    'CMD ["/bin/run"]',
    ...(recipe.changes ?? []),
  ]);
}
