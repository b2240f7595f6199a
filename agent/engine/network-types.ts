/** A network that the engine holds. */
export type NetworkDetail = {
  readonly id: string;
  readonly name: string;
  /** e.g. `bridge`; its default network of that name has that driver, too. */
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of its driver, e.g. `com.docker.network.driver.mtu`. */
  readonly options: Readonly<Record<string, string>>;
  /** e.g. `10.76.4.0/22`; empty for those without addresses of their own. */
  readonly subnets: readonly string[];
};

/** A bridge to be made. */
export type NetworkSpec = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of the bridge driver. */
  readonly options: Readonly<Record<string, string>>;
  /** Absent: one that the engine chooses. */
  readonly subnet?: string;
};

/** Networks of one engine. `id` is an engine id or a name. */
export interface Networks {
  /** All of them, foreign ones too. */
  list(signal?: AbortSignal): Promise<readonly NetworkDetail[]>;
  /** Makes a bridge; resolves to its id.
   * @throws StatusError `AlreadyExists` for a taken name, `Conflict` for a subnet of which another
   * network has a part; another one with the engine's words, as when it finds no free subnet. */
  create(spec: NetworkSpec, signal?: AbortSignal): Promise<string>;
  /** Resolves also when it is absent. @throws StatusError `Conflict` while a container runs in it. */
  remove(id: string, signal?: AbortSignal): Promise<void>;
}
