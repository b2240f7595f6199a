/** A Docker host that was found; open it with `openEngine(url, { certDir })`. */
export type DockerHost = {
  /** e.g. `unix:///var/run/docker.sock`, `tcp://10.0.0.7:2376`. */
  readonly url: string;
  /** Directory with ca.pem, cert.pem and key.pem; absent for a plain endpoint. */
  readonly certDir?: string;
  /** Name of the provider that found it. */
  readonly provider: string;
  /** Labels for its Node, such as `topology.kubernetes.io/region`. */
  readonly labels: Readonly<Record<string, string>>;
};

/**
 * Finds the Docker hosts of one network.
 *
 * Guarantees: each set is whole, so a host that is missing from it is gone; no URL comes twice in a
 * set; a host that only stopped answering stays. Not promised: that a host answers, or which order.
 */
export interface Provider {
  /** e.g. `local`; becomes the Node's label `lighthouse.dev/provider`. */
  readonly name: string;
  /**
   * The hosts now, and again after each change, until `signal` aborts; then it ends without an error.
   * @throws StatusError `ServiceUnavailable` naming what was tried when nothing was ever found,
   * `BadRequest` for wrong configuration.
   */
  hosts(signal: AbortSignal): AsyncIterable<readonly DockerHost[]>;
}
