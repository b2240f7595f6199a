/** A file or folder of a server on this machine. */
export type FileFact = {
  readonly path: string;
  /** Permission bits, e.g. 0o600. */
  readonly mode: number;
  readonly uid: number;
  /** `secret`: keys, kubeconfigs, logs; `public`: certificates. */
  readonly holds: "secret" | "public" | "folder";
};

/** What an RBAC rule allows. */
export type RuleFact = {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly nonResourceURLs: readonly string[];
};

/** A role, and who is bound to it where. */
export type GrantFact = {
  /** e.g. `ClusterRoleBinding ops`, `RoleBinding shop/deployer`. */
  readonly binding: string;
  /** e.g. `ClusterRole cluster-admin`. */
  readonly role: string;
  /** e.g. `Group devs`, `ServiceAccount shop/default`. */
  readonly subject: string;
  /** Empty: everywhere. */
  readonly namespace: string;
  readonly rules: readonly RuleFact[];
};

/** What is known of the engine of a Node. */
export type EngineFact = {
  readonly node: string;
  /** e.g. `unix:///run/docker.sock`, `tcp://10.0.0.7:2375`. */
  readonly endpoint: string;
  /** It is reached over TCP without TLS, from another machine. */
  readonly isPlain: boolean;
  readonly insecureRegistries: readonly string[];
  readonly userNamespaces: boolean;
  readonly liveRestore: boolean;
  readonly seccomp: boolean;
};

/** A Pod as the checks look at it. */
export type PodFact = {
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly mountsToken: boolean;
  /** Names of Secrets that are environment variables. */
  readonly secretsInEnv: readonly string[];
};

/** Everything that was gathered; absent parts could not be, or were not looked for. */
export type Facts = {
  readonly nowMs: number;
  /** Whose the server's files must be: of the owner of its data folder. */
  readonly owner?: number;
  readonly files?: readonly FileFact[];
  /** Arguments of the servers that run on this machine. */
  readonly processes?: readonly (readonly string[])[];
  /** HTTP code of a request without credentials. */
  readonly anonymousCode?: number;
  /** Protocols that the listener accepts, e.g. `TLSv1.2`. */
  readonly protocols?: readonly string[];
  /** Ends of certificates, by what they are for. Milliseconds since the epoch. */
  readonly certificates?: ReadonlyMap<string, number>;
  readonly audit?: { readonly vouches: boolean; readonly records: boolean };
  readonly encryption?: {
    readonly plain: number;
    readonly unreadable: number;
    readonly newestKeyMs: number;
  };
  readonly grants?: readonly GrantFact[];
  /** Level of pod security by namespace; absent labels: empty. */
  readonly podSecurity?: ReadonlyMap<string, string>;
  /** Namespaces that bound what images may be. */
  readonly imagePolicies?: readonly string[];
  readonly admissionPolicies?: number;
  readonly pods?: readonly PodFact[];
  /** ServiceAccounts that mount tokens unless told otherwise. */
  readonly mountingAccounts?: readonly string[];
  /** Bootstrap tokens: the id, and the end if there is one. RFC 3339. */
  readonly bootstrapTokens?: readonly { readonly id: string; readonly expires: string }[];
  /** Bound long-lived tokens: Secrets of type service-account-token. */
  readonly tokenSecrets?: readonly string[];
  readonly engines?: readonly EngineFact[];
};
