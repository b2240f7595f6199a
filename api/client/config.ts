/** What proves who we are: a bearer token, a client certificate (PEM, with its key), or both. */
export type Credentials = {
  readonly token?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
};

/** Where the API server is and how to talk to it. Built by hand, or by `kubeconfig.ts`. */
export type ClientConfig = {
  /** e.g. `https://127.0.0.1:6443`; may end in a base path. */
  readonly server: string;
  /**
   * Roots that the server's certificate must lead to, PEM. Absent: those of the system. Read before each
   * call, so that a getter may rotate it.
   */
  readonly ca?: string;
  /** The name to expect in the server's certificate. Absent: the host of `server`. */
  readonly tlsServerName?: string;
  /** Accept any certificate. Only ever because the user said so. */
  readonly insecureSkipTlsVerify?: boolean;
  /** A function is asked before each call and does its own caching (token files, plug-ins). */
  readonly credentials?: Credentials | (() => Promise<Credentials>);
  /** e.g. `lighthouse-controllers/0.1`. Absent: `lighthouse`. */
  readonly userAgent?: string;
  /** Whose fields our writes are, at most 128 characters. Absent: `lighthouse`. */
  readonly fieldManager?: string;
  /** Texts of the answers' `Warning` headers, e.g. `unknown field "spec.replica"`. */
  readonly onWarning?: (text: string) => void;
  /** The answers' header `lighthouse-roots`: which roots the server trusts, see `rootsMark`. */
  readonly onRoots?: (mark: string) => void;
  /** How long a call, its retries and its answer may take; for streams, until the headers. Integer, milliseconds, default 30 000. */
  readonly requestTimeoutMs?: number;
  /** A watch without any byte for so long is dead: servers send a bookmark about once a minute. Integer, milliseconds, default 90 000. */
  readonly watchSilenceMs?: number;
};

/** Values of what a {@link ClientConfig} leaves out. */
export const clientDefaults = {
  userAgent: "lighthouse",
  fieldManager: "lighthouse",
  requestTimeoutMs: 30_000,
  watchSilenceMs: 90_000,
} as const;
