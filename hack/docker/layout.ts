import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where a private dockerd keeps what it owns; all of it below one directory, or named after it. */
export type Layout = {
  readonly dir: string;
  readonly socket: string;
  /** For `--docker` and `DOCKER_HOST`. */
  readonly url: string;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidFile: string;
  readonly logFile: string;
  /** Its configuration, so that /etc/docker/daemon.json does not count. */
  readonly configFile: string;
  /** Where dockerd 20.10 keeps the key that its engine ID comes from. */
  readonly keyFile: string;
  /** Subnet of the bridge, remembered over restarts. */
  readonly subnetFile: string;
  /** Name of the network bridge: at most 15 characters, one per directory. */
  readonly bridge: string;
  /** Name of the control group that everything of this dockerd lives in. */
  readonly cgroup: string;
};

/** The longest directory: containerd adds 38 bytes for its own socket, and Linux allows 107. */
export const maxDirBytes = 69;

/**
 * The layout of a private dockerd in `dir`, an absolute path of at most 69 bytes.
 *
 * @throws Error when it is longer: containerd would fail with no word about the reason.
 */
export function layoutOf(dir: string): Layout {
  const bytes = Buffer.byteLength(dir);
  if (bytes > maxDirBytes)
    throw new Error(
      `Cannot keep a dockerd in ${dir}: the path has ${bytes} bytes, limit ${maxDirBytes}`,
    );
  const tag = createHash("sha256").update(dir).digest("hex").slice(0, 8);
  const socket = join(dir, "docker.sock");
  return {
    dir,
    socket,
    url: `unix://${socket}`,
    dataRoot: join(dir, "data"),
    execRoot: join(dir, "exec"),
    pidFile: join(dir, "dockerd.pid"),
    logFile: join(dir, "dockerd.log"),
    configFile: join(dir, "daemon.json"),
    keyFile: join(dir, "key.json"),
    subnetFile: join(dir, "subnet"),
    bridge: `lh${tag}`,
    cgroup: `lighthouse-${tag}`,
  };
}
