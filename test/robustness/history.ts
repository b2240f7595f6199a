/** Resource version of the API, and revision of the store beneath it: integers of one sequence. */
export type Version = number;

/** One change that the store committed, as the only witness that cannot be wrong about it. */
export type Change = {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly name: string;
  /** Unique to one attempt to write; on a deletion the value that went. */
  readonly value: string;
  readonly at: Version;
};

/** What a client was told of one attempt to write. Times in milliseconds of one clock. */
export type Write = {
  readonly client: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly name: string;
  /** On a deletion the value that the client had read and deleted on condition. */
  readonly value: string;
  readonly startMs: number;
  readonly endMs: number;
  /** `unknown`: no answer came, or one that says that the outcome is not known. */
  readonly outcome: "done" | "refused" | "unknown";
  /** Resource version in the answer; deletions have none. */
  readonly at?: Version;
};

/** The whole collection as one list answered it. */
export type Read = {
  readonly client: string;
  readonly startMs: number;
  readonly endMs: number;
  /** Whether the request asked for the most recent state, or for any. */
  readonly latest: boolean;
  readonly at: Version;
  readonly state: ReadonlyMap<string, { readonly value: string; readonly at: Version }>;
};

/** One line of a watch. */
export type Seen = {
  readonly type: Change["type"] | "BOOKMARK";
  readonly name: string;
  readonly value: string;
  readonly at: Version;
  readonly atMs: number;
};

/** One watch from its first request to its end, however it ended. */
export type Watched = {
  readonly client: string;
  /** The version that the watch was asked to go on from. */
  readonly since: Version;
  readonly seen: readonly Seen[];
};

/** Everything that the clients of one run were told. */
export type History = {
  readonly writes: readonly Write[];
  readonly reads: readonly Read[];
  readonly watches: readonly Watched[];
};
