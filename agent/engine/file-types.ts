/** A path of a container that differs from its image. Absolute; a changed directory is one whose
 * entries changed, an added one stands beside everything in it. */
export type FileChange = {
  readonly path: string;
  readonly kind: "added" | "changed" | "deleted";
};

/** What stands at a path of a container. */
export type PathStat = {
  readonly type: "file" | "directory" | "symlink";
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Milliseconds since the epoch, when the engine tells. */
  readonly modifiedAtMs?: number;
  /** Where a symbolic link leads, inside of the container. */
  readonly target?: string;
};
