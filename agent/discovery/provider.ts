import type { SshLogin, TlsFiles } from "../engine/endpoint.ts";

/** A taint that discovery sets on a Node. */
export type HostTaint = {
  readonly key: string;
  /** Default empty. */
  readonly value?: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
};

/** A Docker host that was found; open it with `openHost()`. */
export type DockerHost = {
  /** e.g. `unix:///var/run/docker.sock`, `tcp://10.0.0.7:2376`, `ssh://ops@10.0.0.8`. */
  readonly url: string;
  /** Directory with ca.pem, cert.pem and key.pem; absent for a plain endpoint. */
  readonly certDir?: string;
  /** The same as texts, where they come from a Secret. */
  readonly tls?: TlsFiles;
  /** For ssh URLs. */
  readonly ssh?: SshLogin;
  /** Name that its Node shall have; default: what the engine calls its host. */
  readonly name?: string;
  /** Name of the provider that found it. */
  readonly provider: string;
  /** Labels for its Node, such as `topology.kubernetes.io/region`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Taints for its Node. Default none. */
  readonly taints?: readonly HostTaint[];
};

/** Whether the host is reached by TCP that nothing protects. */
export function isPlainTcp({ url, certDir, tls }: DockerHost): boolean {
  return /^(tcp|http):/.test(url) && certDir === undefined && tls === undefined;
}

/**
 * Finds the Docker hosts of one network. `docs/discovery.md` shows how to write one.
 *
 * Guarantees (test/conformance/provider.ts): a set is whole, so a host that is missing from it is
 * gone; no URL comes twice in a set; a host that only stopped answering stays; what cannot be told
 * in full, such as a page that failed, is an error and no smaller set; an abort ends it at once.
 * Not promised: that a host answers, or which order.
 */
export interface Provider {
  /** e.g. `local`; becomes the Node's label `lighthouse.dev/provider`. */
  readonly name: string;
  /**
   * Whether this is a place where it can find hosts: a cloud's metadata service proved whose it is,
   * a file is there. Never throws but for an abort. Asked for `auto` alone.
   */
  isHere(signal: AbortSignal): Promise<boolean>;
  /**
   * The hosts now.
   * @throws StatusError `ServiceUnavailable` when the source does not answer, or not in full,
   * `Unauthorized` or `Forbidden` when it refuses the credentials, `BadRequest` for wrong
   * configuration; the message names the source and the way out.
   */
  find(signal: AbortSignal): Promise<readonly DockerHost[]>;
  /** Yields when it is worth looking before the interval ends. Ends when `signal` aborts. */
  changes?(signal: AbortSignal): AsyncIterable<void>;
}
