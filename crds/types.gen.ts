// Generated from crds/*.yaml by `npm run update`. Do not edit.

/** Kubernetes ObjectMeta, the same as that of api/machinery/object.ts, which this folder cannot import. */
export type ObjectMeta = {
  readonly name: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  readonly creationTimestamp: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
};

/** A link from a dependent to its owner; matched by uid, never by name. */
export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

/** What one manager set through server-side apply or update. */
export type ManagedFieldsEntry = {
  readonly manager?: string;
  readonly operation?: "Apply" | "Update";
  readonly apiVersion?: string;
  readonly time?: string;
  readonly fieldsType?: string;
  readonly fieldsV1?: Readonly<Record<string, unknown>>;
  readonly subresource?: string;
};

/** One release unit over many containers on many hosts. Lighthouse rolls a change out in health-gated batches and returns every host to the last good Revision when a batch fails. */
export type Application = {
  /** lighthouse.dev/v1. */
  readonly apiVersion: "lighthouse.dev/v1";
  /** Application. */
  readonly kind: "Application";
  readonly metadata: ObjectMeta;
  /** What shall run where, and how a change gets there. Written by users alone. */
  readonly spec: ApplicationSpec;
  /** What runs, and how far the rollout is. Written by the application controller alone. */
  readonly status?: ApplicationStatus;
};

/** The Application in the same namespace. */
export type ApplicationRef = {
  /** metadata.name of the Application. */
  readonly name: string;
  /** metadata.uid of the Application, which tells it from a later one of the same name. */
  readonly uid: string;
};

/** What shall run where, and how a change gets there. Written by users alone. */
export type ApplicationSpec = {
  /** Number of slots, 0 to 10000. No default; excludes placement.perNode and placement.nodes. */
  readonly replicas?: number;
  /** Which Nodes hold the slots. Default all eligible Nodes, evenly spread. */
  readonly placement: Placement;
  /** Running, or Stopped, where the containers exist and none runs. Default Running. */
  readonly runState: RunState;
  /** Holds the rollout where it is; running slots are still repaired. Default false. */
  readonly paused: boolean;
  /** Old Revisions to keep, 0 to 1000; those to return to, and those that failed or were abandoned, are counted apart. Default 10. */
  readonly revisionHistoryLimit: number;
  /** How a new Revision replaces the old one. Default 25% at a time with rollback on failure. */
  readonly strategy: Strategy;
  /** The pod that runs in every slot, a subset of core/v1 PodTemplateSpec that a plain Docker host can honour. A change makes a new Revision. */
  readonly template: PodTemplate;
};

/** What runs, and how far the rollout is. Written by the application controller alone. */
export type ApplicationStatus = {
  /** metadata.generation that this status is about. */
  readonly observedGeneration?: number;
  /** Number of slots, as asked for and as eligible Nodes allow. Default 0. */
  readonly replicas?: number;
  /** Slots whose pod is ready, of whatever Revision. Default 0. */
  readonly readyReplicas?: number;
  /** Slots whose running pod is of targetRevision. Default 0. */
  readonly updatedReplicas?: number;
  /** Slots without a ready pod. Default 0. */
  readonly unavailableReplicas?: number;
  /** Ready slots of all slots, e.g. 3/6. */
  readonly ready?: string;
  /** Label selector of the pods in text form, for the scale subresource. */
  readonly selector?: string;
  /** Name of the last good Revision, which the slots run outside of a rollout. Absent before the first one. */
  readonly currentRevision?: string;
  /** Name of the Revision of spec.template. Absent before the first one. */
  readonly targetRevision?: string;
  /** The template that failed last. It is not tried again until the template changes or the annotation lighthouse.dev/retry asks for it. Absent when nothing failed. */
  readonly failedRevision?: FailedRevision;
  /** Names of the Nodes, by slot, that slots without a pod had last; their next pods prefer them. Absent when all slots have pods. */
  readonly homes?: {
    readonly [k: string]: string;
  };
  /** The latest rollout; all that a new leader must know of it. Absent before the first one. */
  readonly rollout?: Rollout;
  /** Ready, Progressing, RolledBack, Paused, Scheduled, Reconciling and Stalled, at most 32. Default none. */
  readonly conditions?: readonly Condition[];
};

/** An agent inside one network, which dials out to the API server and speaks for the Docker hosts there. */
export type Beacon = {
  /** lighthouse.dev/v1. */
  readonly apiVersion: "lighthouse.dev/v1";
  /** Beacon. */
  readonly kind: "Beacon";
  readonly metadata: ObjectMeta;
  /** What people ask of the beacon. Written by users alone. Default empty. */
  readonly spec: BeaconSpec;
  /** What the agent reports. Written by the agent; Connected, server, address and lastSeen by the API server. */
  readonly status?: BeaconStatus;
};

/** What people ask of the beacon. Written by users alone. Default empty. */
export type BeaconSpec = {
  /** What and where it is, for people. Default empty. */
  readonly description?: string;
  /** Keeps the agent from changing anything on its hosts; it goes on reporting. Default false. */
  readonly paused: boolean;
  /** Labels that the agent sets on all its Nodes, at most 64. Default none. */
  readonly nodeLabels?: {
    readonly [k: string]: string;
  };
  /** How the agent finds its hosts. auto takes the first that proves to be at home, of gce, digitalocean, ec2, azure, config and local. Default auto. */
  readonly provider?: "auto" | "local" | "config" | "gce" | "digitalocean" | "ec2" | "azure";
  /** What of a cloud counts, and by which of its addresses a host is reached. Default all running machines, by their first private address. */
  readonly providerConfig?: ProviderConfig;
  /** How the engines of machines that a cloud lists are reached. Default TLS on port 2376. */
  readonly engine?: EngineAccess;
  /** Private IPv4 range, /8 to /22, from which the agent cuts the networks that the namespaces get on each host, /22 each. Networks that are there keep theirs. Default 10.76.0.0/14. */
  readonly networkRange?: string;
  /** Time between two looks for hosts, 5s to 24h. Default 60s. */
  readonly interval?: string;
  /** Secret with the credentials for the provider and the engines; it is read anew at each look. Default the identity of the machine that the agent runs on. */
  readonly credentialsRef?: CredentialsRef;
  /** What becomes of the Node of a host that discovery shows no more. Its Ready is Unknown at once. */
  readonly vanished?: VanishedPolicy;
  /** How much of each host the owner of the machines lends out: allocatable of its Node is the smaller of this and what the host has. Default all of it. */
  readonly offer?: Offer;
  /** Other offers for single hosts, at most 64. What the first entry names whose labels a Node got from discovery, nodeLabels or its agent counts instead of the same field of offer. Default none. */
  readonly offers?: readonly HostOffer[];
  /** How the agent watches disks. Default as its fields say. */
  readonly storage?: StoragePolicy;
};

/** What the agent reports. Written by the agent; Connected, server, address and lastSeen by the API server. */
export type BeaconStatus = {
  /** metadata.generation that this status is about. */
  readonly observedGeneration?: number;
  /** Version of the agent, e.g. 0.1.0. */
  readonly version?: string;
  /** How the agent finds its hosts, e.g. local, config, gce, digitalocean, ec2, azure. */
  readonly provider?: string;
  /** Host name of the machine the agent runs on. */
  readonly hostname?: string;
  /** Address from which the agent dials, as the API server sees it. */
  readonly address?: string;
  /** URL of the API server that holds the tunnel, as other servers reach it. Absent when none does. */
  readonly server?: string;
  /** Docker hosts that the agent found. Default 0. */
  readonly nodes?: number;
  /** Docker hosts that answer. Default 0. */
  readonly readyNodes?: number;
  /** RFC 3339 time in UTC at which the agent connected or went away last. */
  readonly lastSeen?: string;
  /** RFC 3339 time in UTC at which the client certificate of the agent ends. */
  readonly certificateExpiresAt?: string;
  /** Connected, Ready, Discovered and DuplicateEngine, at most 32. Default none. */
  readonly conditions?: readonly Condition[];
};

/** A first, small batch. Default none. */
export type Canary = {
  /** Slots in the canary batch, 0 for none; more than there are slots means all. Default 0. */
  readonly count: number;
  /** Automatic goes on when the canary is good, Manual waits for "lighthouse rollout approve". Default Automatic. */
  readonly approve: CanaryApproval;
};

/** Automatic goes on when the canary is good, Manual waits for "lighthouse rollout approve". Default Automatic. */
export type CanaryApproval = "Automatic" | "Manual";

/** Linux capabilities beyond or short of those Docker gives. Default no change. */
export type Capabilities = {
  /** Names without CAP_, e.g. NET_BIND_SERVICE, or ALL; at most 64. */
  readonly add?: readonly string[];
  /** Names without CAP_, e.g. NET_BIND_SERVICE, or ALL; at most 64. */
  readonly drop?: readonly string[];
};

export type Condition = {
  /** Name of the condition, CamelCase. */
  readonly type: string;
  /** True, False or Unknown. */
  readonly status: "True" | "False" | "Unknown";
  /** Why, one CamelCase word of the table crds/conditions.ts. */
  readonly reason: string;
  /** Why, in words. May be empty. */
  readonly message: string;
  /** RFC 3339 time in UTC at which status changed last. */
  readonly lastTransitionTime: string;
  /** metadata.generation that the condition is about. */
  readonly observedGeneration?: number;
};

/** Files from the keys of a ConfigMap in the namespace of the Application. */
export type ConfigMapVolume = {
  /** Name of the object, at most 253 characters. */
  readonly name: string;
  /** Keys to show and where, at most 128. Default every key under its own name. */
  readonly items?: readonly KeyToPath[];
  /** Permission bits of the files, 0 to 511. Default 420, which is 0644. */
  readonly defaultMode: number;
  /** Whether the object or key may be missing. Default false. */
  readonly optional?: boolean;
};

export type Container = {
  /** Name of the container, a DNS label of at most 63 characters, unique in the pod. */
  readonly name: string;
  /** Image reference, at most 512 characters. A tag is resolved to a digest once per Revision. */
  readonly image: string;
  /** When the image is pulled. Default Always for the tag latest or none, else IfNotPresent. */
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  /** Replaces the entry point of the image, at most 128 words. Default that of the image. */
  readonly command?: readonly string[];
  /** Replaces the command of the image, at most 256 words. Default that of the image. */
  readonly args?: readonly string[];
  /** Absolute path in the container. Default that of the image. */
  readonly workingDir?: string;
  /** Allocates a terminal. Default false. */
  readonly tty?: boolean;
  /** Keeps standard input open. Default false. */
  readonly stdin?: boolean;
  /** Closes standard input when the first client that attached to it leaves. Default false. */
  readonly stdinOnce?: boolean;
  /** Environment variables, at most 512. $(NAME) refers to an earlier one. Default none. */
  readonly env?: readonly EnvVar[];
  /** ConfigMaps and Secrets whose every key becomes a variable, at most 32. A later one wins over an earlier one, env over all. Default none. */
  readonly envFrom?: readonly EnvFromSource[];
  /** Ports the container listens on, at most 64. Default none. */
  readonly ports?: readonly ContainerPort[];
  /** Tells whether the container is up. A slot counts as ready only while its readinessProbe (else the HEALTHCHECK of the image) succeeds; a container that fails its livenessProbe or startupProbe is restarted. Default no probe. */
  readonly readinessProbe?: Probe;
  /** Tells whether the container is up. A slot counts as ready only while its readinessProbe (else the HEALTHCHECK of the image) succeeds; a container that fails its livenessProbe or startupProbe is restarted. Default no probe. */
  readonly livenessProbe?: Probe;
  /** Tells whether the container is up. A slot counts as ready only while its readinessProbe (else the HEALTHCHECK of the image) succeeds; a container that fails its livenessProbe or startupProbe is restarted. Default no probe. */
  readonly startupProbe?: Probe;
  /** Actions at the beginning and the end of the container. Default none. */
  readonly lifecycle?: Lifecycle;
  /** What the container is promised and may use at most. Default no promise, no limit. */
  readonly resources?: ResourceRequirements;
  /** Rights of the container. Default those of Docker and of the image. */
  readonly securityContext?: SecurityContext;
  /** Where the volumes of the pod appear in the container, at most 64. Default none. */
  readonly volumeMounts?: readonly VolumeMount[];
};

export type ContainerPort = {
  /** Name that probes may use, at most 15 characters. Default none. */
  readonly name?: string;
  /** Port number in the container, 1 to 65535. */
  readonly containerPort: number;
  /** Port number on the host, 1 to 65535. Default not published. */
  readonly hostPort?: number;
  /** Address of the host to listen on, IPv4 or IPv6. Default all addresses. */
  readonly hostIP?: string;
  /** Transport protocol. Default TCP. */
  readonly protocol: "TCP" | "UDP" | "SCTP";
};

/** With Static, containers of Guaranteed pods that ask for whole CPUs get them for themselves, and all others share the rest. Default None. */
export type CpuManagerPolicy = "None" | "Static";

/** Secret with the credentials for the provider and the engines; it is read anew at each look. Default the identity of the machine that the agent runs on. */
export type CredentialsRef = {
  /** metadata.namespace of the Secret. */
  readonly namespace: string;
  /** metadata.name of the Secret. */
  readonly name: string;
};

/** DNS resolver of the containers. Default that of Docker. */
export type DnsConfig = {
  /** Addresses of servers, at most 3. */
  readonly nameservers?: readonly string[];
  /** Search domains, at most 32. */
  readonly searches?: readonly string[];
  /** Resolver options, at most 32. */
  readonly options?: readonly DnsOption[];
};

export type DnsOption = {
  /** Name of the option, e.g. ndots. */
  readonly name: string;
  /** Value of the option. Default none. */
  readonly value?: string;
};

/** Files from fields of the pod. */
export type DownwardVolume = {
  /** Fields to show and where, 1 to 64. */
  readonly items: readonly FieldToPath[];
  /** Permission bits of the files, 0 to 511. Default 420, which is 0644. */
  readonly defaultMode: number;
};

/** Empty at the start of the pod, gone at its end. */
export type EmptyDirVolume = {
  /** Memory for a tmpfs. Default empty, the disk of Docker. */
  readonly medium?: "" | "Memory";
  /** Size of a tmpfs as a Kubernetes quantity of bytes. Default no limit. */
  readonly sizeLimit?: number | string;
};

/** How the engines of machines that a cloud lists are reached. Default TLS on port 2376. */
export type EngineAccess = {
  /** tls with client certificates, ssh, or tcp without any protection. Default tls. */
  readonly scheme?: "tls" | "ssh" | "tcp";
  /** TCP port from 1. Default 2376 for tls, 22 for ssh, 2375 for tcp. */
  readonly port?: number;
  /** User of ssh. Default root. */
  readonly user?: string;
};

export type EnvFromSource = {
  /** Put before every key, at most 128 characters. Default empty. */
  readonly prefix?: string;
  /** The ConfigMap or Secret, in the namespace of the Application. */
  readonly configMapRef?: SourceRef;
  /** The ConfigMap or Secret, in the namespace of the Application. */
  readonly secretRef?: SourceRef;
};

export type EnvVar = {
  /** Name of the variable, at most 256 characters without "=". */
  readonly name: string;
  /** Value of the variable, at most 128 KiB. Default empty. */
  readonly value?: string;
  /** Takes the value from elsewhere when the container is created. */
  readonly valueFrom?: EnvVarSource;
};

/** Takes the value from elsewhere when the container is created. */
export type EnvVarSource = {
  /** One key of a ConfigMap in the namespace of the Application. */
  readonly configMapKeyRef?: KeyRef;
  /** One key of a Secret in the namespace of the Application. */
  readonly secretKeyRef?: KeyRef;
  /** A field of the pod itself. */
  readonly fieldRef?: FieldRef;
};

/** Runs a command in the container and succeeds when that exits with 0. */
export type ExecAction = {
  /** Program and arguments, 1 to 128 words, not run in a shell. */
  readonly command: readonly string[];
};

/** The template that failed last. It is not tried again until the template changes or the annotation lighthouse.dev/retry asks for it. Absent when nothing failed. */
export type FailedRevision = {
  /** Hash of the template, as in the Revision. */
  readonly hash: string;
  /** Name of the Revision that failed. */
  readonly name?: string;
  /** Why, one CamelCase word of the table crds/conditions.ts. */
  readonly reason?: string;
  /** Why, in words, with the object it is about. Default empty. */
  readonly message?: string;
  /** RFC 3339 time in UTC at which it failed. The annotation lighthouse.dev/retry names it. */
  readonly failedAt?: string;
};

/** Rollback returns to the last good Revision, Pause leaves everything as it is. Default Rollback. */
export type FailurePolicy = "Rollback" | "Pause";

/** A field of the pod itself. */
export type FieldRef = {
  /** Version of the path. Default v1. */
  readonly apiVersion: "v1";
  /** metadata.name, .namespace, .uid, .labels['KEY'] or .annotations['KEY'], spec.nodeName, status.hostIP or status.podIP. */
  readonly fieldPath: string;
};

export type FieldToPath = {
  /** Path below the mount, at most 255 characters, relative and without "..". */
  readonly path: string;
  /** Permission bits of the file, 0 to 511. Default defaultMode. */
  readonly mode?: number;
  /** A field of the pod itself. */
  readonly fieldRef: FieldRef;
};

export type HostAlias = {
  /** IPv4 or IPv6 address. */
  readonly ip: string;
  /** Names of the address, at most 64. */
  readonly hostnames?: readonly string[];
};

export type HostOffer = {
  /** Labels that a Node must all carry, 1 to 16, e.g. kubernetes.io/hostname. */
  readonly matchLabels: {
    readonly [k: string]: string;
  };
  /** What these hosts lend out. */
  readonly offer: Offer;
};

/** A path of the host, bound into the container. */
export type HostPathVolume = {
  /** Absolute path on the host. */
  readonly path: string;
  /** What must be there before the container starts. Default empty, no check. */
  readonly type?:
    | ""
    | "DirectoryOrCreate"
    | "Directory"
    | "FileOrCreate"
    | "File"
    | "Socket"
    | "CharDevice"
    | "BlockDevice";
};

/** As a probe it succeeds on an answer of 200 to 399, as a hook on any answer. */
export type HttpGetAction = {
  /** Path and query. Default "/". */
  readonly path: string;
  /** Port of the container, a number from 1 to 65535 or the name of a port. */
  readonly port: number | string;
  /** Host name or address to connect to. Default the address of the pod. */
  readonly host?: string;
  /** HTTP, or HTTPS without a check of the certificate. Default HTTP. */
  readonly scheme: "HTTP" | "HTTPS";
  /** Headers to send, at most 32. Default none. */
  readonly httpHeaders?: readonly HttpHeader[];
};

export type HttpHeader = {
  /** Name of the header. */
  readonly name: string;
  /** Value of the header. */
  readonly value: string;
};

export type ImageDigest = {
  /** Reference as it stands in the template. */
  readonly image: string;
  /** Content digest that every Node runs, sha256 and 64 hexadecimal digits after a colon. */
  readonly digest: string;
};

export type InitContainer = {
  /** Name of the container, a DNS label of at most 63 characters, unique in the pod. */
  readonly name: string;
  /** Image reference, at most 512 characters. A tag is resolved to a digest once per Revision. */
  readonly image: string;
  /** When the image is pulled. Default Always for the tag latest or none, else IfNotPresent. */
  readonly imagePullPolicy?: "Always" | "IfNotPresent" | "Never";
  /** Replaces the entry point of the image, at most 128 words. Default that of the image. */
  readonly command?: readonly string[];
  /** Replaces the command of the image, at most 256 words. Default that of the image. */
  readonly args?: readonly string[];
  /** Absolute path in the container. Default that of the image. */
  readonly workingDir?: string;
  /** Allocates a terminal. Default false. */
  readonly tty?: boolean;
  /** Keeps standard input open. Default false. */
  readonly stdin?: boolean;
  /** Closes standard input when the first client that attached to it leaves. Default false. */
  readonly stdinOnce?: boolean;
  /** Environment variables, at most 512. $(NAME) refers to an earlier one. Default none. */
  readonly env?: readonly EnvVar[];
  /** ConfigMaps and Secrets whose every key becomes a variable, at most 32. A later one wins over an earlier one, env over all. Default none. */
  readonly envFrom?: readonly EnvFromSource[];
  /** What the container is promised and may use at most. Default no promise, no limit. */
  readonly resources?: ResourceRequirements;
  /** Rights of the container. Default those of Docker and of the image. */
  readonly securityContext?: SecurityContext;
  /** Where the volumes of the pod appear in the container, at most 64. Default none. */
  readonly volumeMounts?: readonly VolumeMount[];
};

/** One key of a ConfigMap in the namespace of the Application. */
export type KeyRef = {
  /** Name of the object, at most 253 characters. */
  readonly name: string;
  /** Key in the data of the object, at most 253 characters. */
  readonly key: string;
  /** Whether the object or key may be missing. Default false. */
  readonly optional?: boolean;
};

export type KeyToPath = {
  /** Key in the data of the object, at most 253 characters. */
  readonly key: string;
  /** Path below the mount, at most 255 characters, relative and without "..". */
  readonly path: string;
  /** Permission bits of the file, 0 to 511. Default defaultMode. */
  readonly mode?: number;
};

/** Actions at the beginning and the end of the container. Default none. */
export type Lifecycle = {
  /** postStart happens right after the start, beside the process, for up to two minutes, and the container is stopped if it fails. preStop happens before the stop signal, within the grace period. */
  readonly postStart?: LifecycleHandler;
  /** postStart happens right after the start, beside the process, for up to two minutes, and the container is stopped if it fails. preStop happens before the stop signal, within the grace period. */
  readonly preStop?: LifecycleHandler;
};

/** postStart happens right after the start, beside the process, for up to two minutes, and the container is stopped if it fails. preStop happens before the stop signal, within the grace period. */
export type LifecycleHandler = {
  /** Runs a command in the container and succeeds when that exits with 0. */
  readonly exec?: ExecAction;
  /** As a probe it succeeds on an answer of 200 to 399, as a hook on any answer. */
  readonly httpGet?: HttpGetAction;
  /** Waits. */
  readonly sleep?: SleepAction;
};

export type LocalObjectRef = {
  /** Name of the object, at most 253 characters. */
  readonly name: string;
};

/** A named Docker volume of the Node, made when it is missing and never removed by Lighthouse. */
export type NamedVolume = {
  /** Name of the Docker volume, at most 253 characters. */
  readonly claimName: string;
  /** Mounts the volume read-only everywhere. Default false. */
  readonly readOnly?: boolean;
};

/** How much of each host the owner of the machines lends out: allocatable of its Node is the smaller of this and what the host has. Default all of it. */
export type Offer = {
  /** A Kubernetes quantity of 0 or more, in CPUs such as 1500m or in bytes such as 8Gi. Default all. */
  readonly cpu?: number | string;
  /** A Kubernetes quantity of 0 or more, in CPUs such as 1500m or in bytes such as 8Gi. Default all. */
  readonly memory?: number | string;
  /** A Kubernetes quantity of 0 or more, in CPUs such as 1500m or in bytes such as 8Gi. Default all. */
  readonly ephemeralStorage?: number | string;
  /** Pods per host at most, 0 to 250. Default 250. */
  readonly pods?: number;
  /** Kept for the host itself, taken off what it has. Default nothing. */
  readonly reserved?: OfferAmounts;
  /** With Static, containers of Guaranteed pods that ask for whole CPUs get them for themselves, and all others share the rest. Default None. */
  readonly cpuManagerPolicy?: CpuManagerPolicy;
  /** What becomes of pods that do not fit any more after the offer was made smaller: they go on, or the newest are evicted until the rest fits. Default Keep. */
  readonly onShortage?: ShortagePolicy;
};

/** Kept for the host itself, taken off what it has. Default nothing. */
export type OfferAmounts = {
  /** A Kubernetes quantity of 0 or more, in CPUs such as 1500m or in bytes such as 8Gi. Default all. */
  readonly cpu?: number | string;
  /** A Kubernetes quantity of 0 or more, in CPUs such as 1500m or in bytes such as 8Gi. Default all. */
  readonly memory?: number | string;
  /** A Kubernetes quantity of 0 or more, in CPUs such as 1500m or in bytes such as 8Gi. Default all. */
  readonly ephemeralStorage?: number | string;
};

/** Skip does not count slots on offline Nodes, they converge on return; Wait holds the rollout until they are back; Fail counts them as failed. Default Skip. */
export type OfflinePolicy = "Skip" | "Wait" | "Fail";

/** Which Nodes hold the slots. Default all eligible Nodes, evenly spread. */
export type Placement = {
  /** One slot on every eligible Node, new Nodes included. Excludes replicas and nodes. Default false. */
  readonly perNode: boolean;
  /** Names of the Nodes that hold one slot each, at most 5000. Excludes replicas and perNode. Default empty. */
  readonly nodes: readonly string[];
  /** Labels that a Node must carry to be eligible, at most 64. A change moves slots and makes no new Revision. Default any Node. */
  readonly nodeSelector: {
    readonly [k: string]: string;
  };
  /** Labels of Nodes over whose values the slots are spread evenly, most important first, at most 8. Default lighthouse.dev/beacon, then kubernetes.io/hostname. */
  readonly spreadBy: readonly string[];
  /** Slots that one Node may hold at most, 0 for no limit. Default 0. */
  readonly maxPerNode: number;
};

/** Rights of all containers, unless one says otherwise. Default none. */
export type PodSecurityContext = {
  /** User ID of the process, 0 or more. Default that of the image. */
  readonly runAsUser?: number;
  /** Group ID of the process, 0 or more. Default that of the image. */
  readonly runAsGroup?: number;
  /** Refuses to start a process whose user ID is 0. Default false. */
  readonly runAsNonRoot?: boolean;
  /** Filter of system calls. Default RuntimeDefault. */
  readonly seccompProfile?: SeccompProfile;
  /** Further group IDs of the processes, at most 32. Default none. */
  readonly supplementalGroups?: readonly number[];
  /** Kernel parameters of the pod, at most 64. Default none. */
  readonly sysctls?: readonly Sysctl[];
};

/** The pod that runs in every slot, a subset of core/v1 PodTemplateSpec that a plain Docker host can honour. A change makes a new Revision. */
export type PodTemplate = {
  /** Labels and annotations of the pods. Default none. */
  readonly metadata?: PodTemplateMeta;
  /** What runs, a subset of core/v1 PodSpec. */
  readonly spec: TemplatePodSpec;
};

/** Labels and annotations of the pods. Default none. */
export type PodTemplateMeta = {
  /** Labels of the pods and of their containers, at most 64. Keys under lighthouse.dev/ belong to Lighthouse. Default none. */
  readonly labels?: {
    readonly [k: string]: string;
  };
  /** Annotations of the pods, at most 128. "lighthouse.dev/reload": "true" makes a new Revision when a ConfigMap or Secret that the template names changes. Default none. */
  readonly annotations?: {
    readonly [k: string]: string;
  };
};

/** Tells whether the container is up. A slot counts as ready only while its readinessProbe (else the HEALTHCHECK of the image) succeeds; a container that fails its livenessProbe or startupProbe is restarted. Default no probe. */
export type Probe = {
  /** As a probe it succeeds on an answer of 200 to 399, as a hook on any answer. */
  readonly httpGet?: HttpGetAction;
  /** Succeeds when the port accepts a connection. */
  readonly tcpSocket?: TcpSocketAction;
  /** Runs a command in the container and succeeds when that exits with 0. */
  readonly exec?: ExecAction;
  /** Seconds from the start of the container to the first probe, 0 or more. Default 0. */
  readonly initialDelaySeconds?: number;
  /** Seconds after which a probe counts as failed, 1 or more. Default 1. */
  readonly timeoutSeconds: number;
  /** Seconds between probes, 1 or more. Default 10. */
  readonly periodSeconds: number;
  /** Successes in a row that make a failed container good again, 1 or more. 1 for livenessProbe and startupProbe. Default 1. */
  readonly successThreshold: number;
  /** Failures in a row that make the container bad, 1 or more. Default 3. */
  readonly failureThreshold: number;
};

/** Files from fields of the pod. */
export type ProjectedFields = {
  /** Fields to show and where, 1 to 32. */
  readonly items: readonly FieldToPath[];
};

/** Files from the keys of a ConfigMap or Secret in the namespace of the Application. */
export type ProjectedFiles = {
  /** Name of the object, at most 253 characters. */
  readonly name: string;
  /** Keys to show and where, at most 32. Default every key under its own name. */
  readonly items?: readonly KeyToPath[];
  /** Whether the object or key may be missing. Default false. */
  readonly optional?: boolean;
};

export type ProjectedSource = {
  /** Files from the keys of a ConfigMap or Secret in the namespace of the Application. */
  readonly configMap?: ProjectedFiles;
  /** Files from the keys of a ConfigMap or Secret in the namespace of the Application. */
  readonly secret?: ProjectedFiles;
  /** Files from fields of the pod. */
  readonly downwardAPI?: ProjectedFields;
};

/** The files of several sources in one volume. */
export type ProjectedVolume = {
  /** Sources of files, 1 to 16. A later one wins over an earlier one. */
  readonly sources: readonly ProjectedSource[];
  /** Permission bits of the files, 0 to 511. Default 420, which is 0644. */
  readonly defaultMode: number;
};

/** What of a cloud counts, and by which of its addresses a host is reached. Default all running machines, by their first private address. */
export type ProviderConfig = {
  /** Project of gce, subscription of azure. Default the one that the agent's own machine belongs to. */
  readonly scope?: string;
  /** Regions whose machines count, at most 32. Default all of the scope; for ec2 the agent's own. */
  readonly regions?: readonly string[];
  /** Labels of gce, tags with values of ec2 and azure, that a machine must have, at most 16. Default none. */
  readonly labels?: {
    readonly [k: string]: string;
  };
  /** Tags of digitalocean, network tags of gce, tag names of ec2 and azure, that a machine must all have, at most 16. Default none. */
  readonly tags?: readonly string[];
  /** Network interface by its number from 0 or its name at the provider. Default 0. */
  readonly nic?: string;
  /** The address lies in this network, in CIDR form, whatever interface it belongs to. Default any. */
  readonly subnet?: string;
  /** Takes the public address instead of the private one. Default false. */
  readonly publicAddress?: boolean;
};

/** Amounts by resource. As requests they are reserved on the Node, default the limits; as limits they are enforced by Docker, default none. */
export type ResourceAmounts = {
  /** A Kubernetes quantity of 0 or more, in CPUs such as 500m or in bytes such as 64Mi. */
  readonly cpu?: number | string;
  /** A Kubernetes quantity of 0 or more, in CPUs such as 500m or in bytes such as 64Mi. */
  readonly memory?: number | string;
  /** A Kubernetes quantity of 0 or more, in CPUs such as 500m or in bytes such as 64Mi. */
  "ephemeral-storage"?: number | string;
};

/** What the container is promised and may use at most. Default no promise, no limit. */
export type ResourceRequirements = {
  /** Amounts by resource. As requests they are reserved on the Node, default the limits; as limits they are enforced by Docker, default none. */
  readonly requests?: ResourceAmounts;
  /** Amounts by resource. As requests they are reserved on the Node, default the limits; as limits they are enforced by Docker, default none. */
  readonly limits?: ResourceAmounts;
};

/** One immutable version of an Application, what ran, who made it, when, why and how it ended. Made by the application controller. */
export type Revision = {
  /** lighthouse.dev/v1. */
  readonly apiVersion: "lighthouse.dev/v1";
  /** Revision. */
  readonly kind: "Revision";
  readonly metadata: ObjectMeta;
  /** The version. It never changes. */
  readonly spec: RevisionSpec;
  /** What became of the version. Written by the application controller alone. */
  readonly status?: RevisionStatus;
};

/** How its first rollout ended. Completed makes it a version to return to, Failed and Abandoned (a newer template came before the end) do not. Absent until then. */
export type RevisionOutcome = "Completed" | "Failed" | "Abandoned";

/** Pending before its rollout; Preparing and RollingOut during it; Active while its slots run it and the rollout is complete; Superseded by a later Active one; Failed when it was rolled back, given up or paused by a failure. */
export type RevisionPhase =
  "Pending" | "Preparing" | "RollingOut" | "Active" | "Superseded" | "Failed";

/** The version. It never changes. */
export type RevisionSpec = {
  /** The Application in the same namespace. */
  readonly application: ApplicationRef;
  /** Count of the Revision in its Application, from 1, never reused. */
  readonly number: number;
  /** Hash of the template and of the ConfigMaps and Secrets it reloads on. Equal hashes run the same. */
  readonly templateHash: string;
  /** Digest of each image by reference as far as it is known, at most 32. Default none. */
  readonly images?: readonly ImageDigest[];
  /** Why, in the words of whoever made the change (annotation kubernetes.io/change-cause). Default empty. */
  readonly changeCause?: string;
  /** User whose change made the Revision (annotation lighthouse.dev/changed-by). Default unknown. */
  readonly createdBy?: string;
  /** Number of the Revision whose template an undo brought back. Absent otherwise. */
  readonly rollbackTo?: number;
  /** The pod that runs in every slot, a subset of core/v1 PodTemplateSpec that a plain Docker host can honour. A change makes a new Revision. */
  readonly template: PodTemplate;
};

/** What became of the version. Written by the application controller alone. */
export type RevisionStatus = {
  /** metadata.generation that this status is about. */
  readonly observedGeneration?: number;
  /** Pending before its rollout; Preparing and RollingOut during it; Active while its slots run it and the rollout is complete; Superseded by a later Active one; Failed when it was rolled back, given up or paused by a failure. */
  readonly phase?: RevisionPhase;
  /** How its first rollout ended. Completed makes it a version to return to, Failed and Abandoned (a newer template came before the end) do not. Absent until then. */
  readonly outcome?: RevisionOutcome;
  /** Why, one CamelCase word of the table crds/conditions.ts. Default none. */
  readonly reason?: string;
  /** Why, in words. Default empty. */
  readonly message?: string;
  /** RFC 3339 time in UTC at which its first rollout began. Absent until then. */
  readonly startedAt?: string;
  /** RFC 3339 time in UTC at which its first rollout came to its end. Absent until then. */
  readonly completedAt?: string;
  /** Digest of each image by reference as far as it is known, at most 32. Default none. */
  readonly images?: readonly ImageDigest[];
  /** Conditions of the Revision, at most 32. Default none. */
  readonly conditions?: readonly Condition[];
};

/** The latest rollout; all that a new leader must know of it. Absent before the first one. */
export type Rollout = {
  /** Preparing, Canary, Rolling, Verifying, then Completed; or RollingBack, then RolledBack or RollbackPaused; Paused by spec.paused or onFailure; Waiting for an approval, a pause or a Node. */
  readonly phase: RolloutPhase;
  /** Phase that goes on after Paused or Waiting. Absent in other phases. */
  readonly resumePhase?: RolloutPhase;
  /** Name of the Revision that the rollout brings. */
  readonly revision?: string;
  /** Name of the Revision that it replaces and returns to on failure. Absent on the first rollout. */
  readonly fromRevision?: string;
  /** Hash of the template, as in the Revision. */
  readonly templateHash?: string;
  /** Why, one CamelCase word of the table crds/conditions.ts. */
  readonly reason?: string;
  /** Why, in words, with the object it is about. Default empty. */
  readonly message?: string;
  /** Batch that is replaced now, counted from 1; 0 before the first. Default 0. */
  readonly batch?: number;
  /** Number of batches, the canary included. Default 0. */
  readonly batches?: number;
  /** Batch of all batches, e.g. 2/4. */
  readonly progress?: string;
  /** Slots that failed in this rollout, at most 10000. Default none. */
  readonly failedSlots?: readonly string[];
  /** RFC 3339 time in UTC at which the rollout began. */
  readonly startedAt?: string;
  /** RFC 3339 time in UTC at which the phase began. */
  readonly phaseStartedAt?: string;
  /** RFC 3339 time in UTC at which the batch began. Absent before the first one. */
  readonly batchStartedAt?: string;
  /** RFC 3339 time in UTC of the last progress, from which the deadline counts. */
  readonly progressedAt?: string;
  /** What the rollout had come to at progressedAt. Absent while nothing is left to do. */
  readonly progressMark?: RolloutProgressMark;
  /** RFC 3339 time in UTC since when every slot switched so far is ready, by the controller's clock; minReadySeconds counts from here. Absent while one is not. */
  readonly readySince?: string;
  /** How many slots readySince is about. Absent with it. */
  readonly readySlots?: number;
  /** RFC 3339 time in UTC at which the rollout came to its end. Absent until then. */
  readonly finishedAt?: string;
  /** Everything the rollout waits for now, at most 100. Default none. */
  readonly waits?: readonly RolloutWait[];
  /** Part of the Application in the rounds of its rollout group, as the other members read it. Absent without the annotation lighthouse.dev/rollout-group. */
  readonly group?: RolloutMembership;
  /** Names of the Nodes of the slots by their number, empty where there is none yet, at most 10000. Default none. */
  readonly instances?: readonly string[];
  /** Blocks of the update stream in order, one for each step over some slots, at most 1000. Default none. */
  readonly steps?: readonly RolloutStep[];
};

/** Part of the Application in the rounds of its rollout group, as the other members read it. Absent without the annotation lighthouse.dev/rollout-group. */
export type RolloutMembership = {
  /** Name of the group. */
  readonly name: string;
  /** Idle takes no part, Queued waits for a round; then Preparing, Prepared, Switching, Switched, Agreed, and Done or Failed as the group decided. */
  readonly stage:
    | "Idle"
    | "Queued"
    | "Preparing"
    | "Prepared"
    | "Switching"
    | "Switched"
    | "Agreed"
    | "Done"
    | "Failed";
  /** Number of the round it took part in last, counted in the group; 0 for none. Default 0. */
  readonly round?: number;
  /** Latest round that it has no objection to, whatever comes. Default 0. */
  readonly agreedRound?: number;
  /** Latest round that became final for it. Default 0. */
  readonly doneRound?: number;
  /** Latest round that it failed in, by itself or with the group. Default 0. */
  readonly failedRound?: number;
  /** Names of the members that it knows to take part in the round, at most 1000. Default none. */
  readonly members?: readonly string[];
  /** RFC 3339 time in UTC at which it joined the round or began to wait for one. */
  readonly joinedAt?: string;
};

/** StopFirst ends the old pod of a slot before it starts the new one, StartFirst the other way round. Default StopFirst with a hostPort, with hostNetwork and ports or with a writable volume that both would share, else StartFirst. */
export type RolloutOrder = "StopFirst" | "StartFirst";

export type RolloutPassed = {
  /** Numbers of the slots as runs, e.g. 0-24,30. */
  readonly items: string;
  /** RFC 3339 time in UTC of the first of them. */
  readonly time: string;
};

/** Preparing, Canary, Rolling, Verifying, then Completed; or RollingBack, then RolledBack or RollbackPaused; Paused by spec.paused or onFailure; Waiting for an approval, a pause or a Node. */
export type RolloutPhase =
  | "Preparing"
  | "Canary"
  | "Rolling"
  | "Verifying"
  | "Completed"
  | "RollingBack"
  | "RolledBack"
  | "RollbackPaused"
  | "Paused"
  | "Waiting";

/** What the rollout had come to at progressedAt. Absent while nothing is left to do. */
export type RolloutProgressMark = {
  /** Slots and spec.runState that were asked for, e.g. "6 Running". */
  readonly of: string;
  /** Steps done; each slot is prepared, told to run, and ready. */
  readonly steps: number;
};

export type RolloutResult = {
  /** The slot it is about, an ordinal or the name of a Node. Absent for all. */
  readonly slot: string;
  /** Number of the slot, from 0, the same in every step. */
  readonly item?: number;
  /** OK, Warning when it is tolerated, Error when the slot failed. */
  readonly status: RolloutResultStatus;
  /** HTTP status of the step on this slot, 0 when there is none. Default 0. */
  readonly code?: number;
  /** Why, in words, with the object it is about. Default empty. */
  readonly message?: string;
  /** Name of the pod. Default none. */
  readonly pod?: string;
  /** Name of the Node. Default none. */
  readonly node?: string;
  /** RFC 3339 time in UTC of the outcome. */
  readonly time?: string;
};

/** OK, Warning when it is tolerated, Error when the slot failed. */
export type RolloutResultStatus = "OK" | "Warning" | "Error";

export type RolloutStep = {
  /** Stable name in the rollout, e.g. batch-2-replace. */
  readonly name: string;
  /** What is done to each slot, e.g. Prepare, Replace, Verify, RollBack, Remove. */
  readonly action: string;
  /** The step in words, for people. */
  readonly title?: string;
  /** Batch the step belongs to, counted from 1; 0 for all slots. Default 0. */
  readonly batch?: number;
  /** Number of slots in the step. Default 0. */
  readonly total?: number;
  /** RFC 3339 time in UTC at which the step began. */
  readonly startedAt?: string;
  /** RFC 3339 time in UTC at which the step ended. Absent until then. */
  readonly completedAt?: string;
  /** Slots that came through, in order of time, those of one moment together, at most 1000. Default none. */
  readonly passed?: readonly RolloutPassed[];
  /** Slots that did not come through, in order of time, at most 10000. Default none. */
  readonly results?: readonly RolloutResult[];
};

export type RolloutWait = {
  /** Who must act, e.g. scheduler, node/db-1, user. */
  readonly owner: string;
  /** Why, one CamelCase word of the table crds/conditions.ts. */
  readonly reason: string;
  /** Why, in words, with the object it is about. Default empty. */
  readonly message?: string;
  /** The slot it is about, an ordinal or the name of a Node. Absent for all. */
  readonly slot?: string;
  /** RFC 3339 time in UTC at which the wait began. */
  readonly since: string;
};

/** Running, or Stopped, where the containers exist and none runs. Default Running. */
export type RunState = "Running" | "Stopped";

/** Filter of system calls. Default RuntimeDefault. */
export type SeccompProfile = {
  /** RuntimeDefault is the profile of Docker, Unconfined none. */
  readonly type: "RuntimeDefault" | "Unconfined";
};

/** Files from the keys of a Secret in the namespace of the Application. */
export type SecretVolume = {
  /** Name of the object, at most 253 characters. */
  readonly secretName: string;
  /** Keys to show and where, at most 128. Default every key under its own name. */
  readonly items?: readonly KeyToPath[];
  /** Permission bits of the files, 0 to 511. Default 420, which is 0644. */
  readonly defaultMode: number;
  /** Whether the object or key may be missing. Default false. */
  readonly optional?: boolean;
};

/** Rights of the container. Default those of Docker and of the image. */
export type SecurityContext = {
  /** Gives the container every right on the host. Default false. */
  readonly privileged?: boolean;
  /** false sets no-new-privileges. Default true. */
  readonly allowPrivilegeEscalation?: boolean;
  /** Mounts the image read-only. Default false. */
  readonly readOnlyRootFilesystem?: boolean;
  /** User ID of the process, 0 or more. Default that of the image. */
  readonly runAsUser?: number;
  /** Group ID of the process, 0 or more. Default that of the image. */
  readonly runAsGroup?: number;
  /** Refuses to start a process whose user ID is 0. Default false. */
  readonly runAsNonRoot?: boolean;
  /** Linux capabilities beyond or short of those Docker gives. Default no change. */
  readonly capabilities?: Capabilities;
  /** Filter of system calls. Default RuntimeDefault. */
  readonly seccompProfile?: SeccompProfile;
};

/** One login of a User. The server alone makes it; deleting it ends the login at once. */
export type Session = {
  /** lighthouse.dev/v1. */
  readonly apiVersion: "lighthouse.dev/v1";
  /** Session. */
  readonly kind: "Session";
  readonly metadata: ObjectMeta;
  /** Whose login it is, and for how long. Written by the API server, once. */
  readonly spec: SessionSpec;
  /** What became of it. Written by the API server. */
  readonly status?: SessionStatus;
};

/** Whose login it is, and for how long. Written by the API server, once. */
export type SessionSpec = {
  /** metadata.name of the User. */
  readonly user: string;
  /** metadata.uid of the User, so that another of the same name does not inherit the session. */
  readonly userUID: string;
  /** What the person logged in with. CLI carries tokens that renew, Browser a cookie. */
  readonly client: "CLI" | "Browser";
  /** IP address that the login came from. Default unknown. */
  readonly address?: string;
  /** What the client called itself at the login, shortened. Default unknown. */
  readonly userAgent?: string;
  /** RFC 3339 time in UTC at which it ends, however much it is used. */
  readonly expires: string;
  /** Seconds without use after which it ends, from 60. */
  readonly idleSeconds: number;
};

/** What became of it. Written by the API server. */
export type SessionStatus = {
  /** RFC 3339 time in UTC of the last use that was noted; uses are noted every few minutes. */
  readonly lastUsed?: string;
};

/** What becomes of pods that do not fit any more after the offer was made smaller: they go on, or the newest are evicted until the rest fits. Default Keep. */
export type ShortagePolicy = "Keep" | "Evict";

/** Waits. */
export type SleepAction = {
  /** Seconds to wait, 0 to 86400, cut off at the end of the time that there is. */
  readonly seconds: number;
};

/** The ConfigMap or Secret, in the namespace of the Application. */
export type SourceRef = {
  /** Name of the object, at most 253 characters. */
  readonly name: string;
  /** Whether the object or key may be missing. Default false. */
  readonly optional?: boolean;
};

/** How the agent watches disks. Default as its fields say. */
export type StoragePolicy = {
  /** Seconds between two looks at what containers have written, 5 to 3600. Default 30. */
  readonly checkSeconds: number;
  /** Use of the disk of an engine in percent from which images that nobody needs are removed, 1 to 100; 100 never removes any. Default 85. */
  readonly imageHighPercent: number;
  /** Use of the disk in percent down to which they are removed, 0 to 100. Default 80. */
  readonly imageLowPercent: number;
  /** Seconds for which an image that nobody uses is kept at least, 0 to 2592000. Default 120. */
  readonly imageMinimumAgeSeconds: number;
};

/** How a new Revision replaces the old one. Default 25% at a time with rollback on failure. */
export type Strategy = {
  /** Slots replaced at a time, a number from 1 or a percentage from 1% to 100%, rounded up. Default 25%. */
  readonly batch: number | string;
  /** StopFirst ends the old pod of a slot before it starts the new one, StartFirst the other way round. Default StopFirst with a hostPort, with hostNetwork and ports or with a writable volume that both would share, else StartFirst. */
  readonly order?: RolloutOrder;
  /** A first, small batch. Default none. */
  readonly canary: Canary;
  /** Pulls and creates everywhere before the first container is stopped. Default true. */
  readonly prepare: boolean;
  /** Seconds a slot must be ready without a restart to count as good, 0 to 86400. Default 5. */
  readonly minReadySeconds: number;
  /** Seconds all slots are watched after the last batch before the rollout is final, 0 to 86400. Default 30. */
  readonly monitorSeconds: number;
  /** Seconds to wait after a good batch before the next one, 0 to 86400. Default 0. */
  readonly pauseBetweenBatchesSeconds: number;
  /** Seconds without progress after which the rollout has failed, 1 to 604800. Time on account of offline Nodes does not count. Default 600. */
  readonly progressDeadlineSeconds: number;
  /** Slots that may fail before the rollout fails, a number from 0 or a percentage from 0% to 100%, rounded down. Default 0. */
  readonly tolerateFailures: number | string;
  /** Rollback returns to the last good Revision, Pause leaves everything as it is. Default Rollback. */
  readonly onFailure: FailurePolicy;
  /** Skip does not count slots on offline Nodes, they converge on return; Wait holds the rollout until they are back; Fail counts them as failed. Default Skip. */
  readonly offlineNodes: OfflinePolicy;
};

export type Sysctl = {
  /** Name of the parameter, e.g. net.core.somaxconn. */
  readonly name: string;
  /** Value of the parameter. */
  readonly value: string;
};

/** Succeeds when the port accepts a connection. */
export type TcpSocketAction = {
  /** Port of the container, a number from 1 to 65535 or the name of a port. */
  readonly port: number | string;
  /** Host name or address to connect to. Default the address of the pod. */
  readonly host?: string;
};

/** What runs, a subset of core/v1 PodSpec. */
export type TemplatePodSpec = {
  /** Containers of the pod, 1 to 16. They share the network of the first one. */
  readonly containers: readonly Container[];
  /** Containers that run one after the other, each to its end with exit code 0, before the others start; at most 16. Default none. */
  readonly initContainers?: readonly InitContainer[];
  /** Volumes that the containers may mount, at most 64. Default none. */
  readonly volumes?: readonly Volume[];
  /** When an exited container is started again. Default Always. */
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  /** Seconds from the stop signal to the kill, 0 or more. Default 30. */
  readonly terminationGracePeriodSeconds: number;
  /** Uses the network of the host. Default false. */
  readonly hostNetwork?: boolean;
  /** Uses the process IDs of the host. Default false. */
  readonly hostPID?: boolean;
  /** Uses the IPC namespace of the host. Default false. */
  readonly hostIPC?: boolean;
  /** Lets all containers see the processes of the first one and of each other. Default false. */
  readonly shareProcessNamespace?: boolean;
  /** Host name in the containers, at most 63 characters. Default the name of the pod. */
  readonly hostname?: string;
  /** Lines of /etc/hosts, at most 64. Default none. */
  readonly hostAliases?: readonly HostAlias[];
  /** Default asks the servers of the host and those of dnsConfig, None only the latter. Default Default. */
  readonly dnsPolicy?: "Default" | "None";
  /** DNS resolver of the containers. Default that of Docker. */
  readonly dnsConfig?: DnsConfig;
  /** Secrets of type kubernetes.io/dockerconfigjson to pull with, at most 16. Default none. */
  readonly imagePullSecrets?: readonly LocalObjectRef[];
  /** Labels that a Node must carry, on top of placement.nodeSelector; at most 64. A change makes a new Revision. Default any Node. */
  readonly nodeSelector?: {
    readonly [k: string]: string;
  };
  /** Taints of Nodes that the pods bear, at most 64. Default none. */
  readonly tolerations?: readonly Toleration[];
  /** Rights of all containers, unless one says otherwise. Default none. */
  readonly securityContext?: PodSecurityContext;
};

export type Toleration = {
  /** Key of the taint. Default empty, which with Exists means every taint. */
  readonly key?: string;
  /** How key and value are compared. Default Equal. */
  readonly operator?: "Equal" | "Exists";
  /** Value of the taint. Default empty. */
  readonly value?: string;
  /** Effect of the taint. Default every effect. */
  readonly effect?: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  /** Seconds that a NoExecute taint is borne. Default for ever. */
  readonly tolerationSeconds?: number;
};

/** A person who logs in with a password. metadata.name is the name that roles are bound to. The password is set by the subresource password alone, and never read. */
export type User = {
  /** lighthouse.dev/v1. */
  readonly apiVersion: "lighthouse.dev/v1";
  /** User. */
  readonly kind: "User";
  readonly metadata: ObjectMeta;
  /** Who the person is. Written by administrators. */
  readonly spec: UserSpec;
  readonly status?: {
    readonly [k: string]: unknown;
  };
};

/** Who the person is. Written by administrators. */
export type UserSpec = {
  /** Address that the person logs in with, one user's alone whatever the case of its letters. */
  readonly email: string;
  /** What people call the person. Default none. */
  readonly displayName?: string;
  /** Groups that roles are bound to, at most 64, none of which starts with 'system:'. Default none. */
  readonly groups?: readonly string[];
  /** Keeps the person out, at once and whatever sessions there are. Default false. */
  readonly disabled: boolean;
};

/** What becomes of the Node of a host that discovery shows no more. Its Ready is Unknown at once. */
export type VanishedPolicy = {
  /** Keep leaves the Node for people to delete, Delete removes it after some time. Default Keep. */
  readonly policy?: "Keep" | "Delete";
  /** How long a Node outlives its host under policy Delete, 0s to 720h. Default 10m. */
  readonly after?: string;
};

export type Volume = {
  /** Name of the volume, a DNS label of at most 63 characters, unique in the pod. */
  readonly name: string;
  /** Empty at the start of the pod, gone at its end. */
  readonly emptyDir?: EmptyDirVolume;
  /** A path of the host, bound into the container. */
  readonly hostPath?: HostPathVolume;
  /** Files from the keys of a ConfigMap in the namespace of the Application. */
  readonly configMap?: ConfigMapVolume;
  /** Files from the keys of a Secret in the namespace of the Application. */
  readonly secret?: SecretVolume;
  /** Files from fields of the pod. */
  readonly downwardAPI?: DownwardVolume;
  /** The files of several sources in one volume. */
  readonly projected?: ProjectedVolume;
  /** A named Docker volume of the Node, made when it is missing and never removed by Lighthouse. */
  readonly persistentVolumeClaim?: NamedVolume;
};

export type VolumeMount = {
  /** Name of a volume of the pod. */
  readonly name: string;
  /** Absolute path in the container, without ":". */
  readonly mountPath: string;
  /** Mounts the volume read-only. Default false. */
  readonly readOnly?: boolean;
  /** Path in the volume to mount instead of its root, relative and without "..". For a volume of files the path of one file; not for emptyDir and persistentVolumeClaim. Default the root. */
  readonly subPath?: string;
  /** Whether mounts made later appear on the other side, for hostPath alone. Default None. */
  readonly mountPropagation?: "None" | "HostToContainer" | "Bidirectional";
};
