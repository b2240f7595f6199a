/** Where encryption at rest is looked after; who may do so is a rule for this URL and those below it. */
export const encryptionPath = "/lighthouse/encryption";

/** What a server of a shared store says of its keys. */
export type EncryptionPeer = {
  /** Name of the process, by chance. */
  readonly name: string;
  readonly host: string;
  readonly keys: readonly string[];
  readonly writes: string;
};

/** What {@link encryptionPath} answers: how a store is encrypted at this moment. Holds no secret. */
export type EncryptionStatus = {
  /** The file of keys of the server that answers. */
  readonly file: string;
  readonly store: string;
  readonly keys: readonly {
    readonly id: string;
    /** RFC 3339. */
    readonly created: string;
    readonly writes: boolean;
    /** How many values need it. Integer. */
    readonly values: number;
  }[];
  /** Values that are not encrypted yet. Integer. */
  readonly plain: number;
  /** Keys of values that cannot be read: damaged, or their encryption key is missing. */
  readonly unreadable: readonly string[];
  /** Of a shared store: who uses it, and what each can read. */
  readonly servers: readonly EncryptionPeer[];
  /** Hosts whose servers cannot read the newest key yet: until they can, it does not write. */
  readonly waitingFor: readonly string[];
};
