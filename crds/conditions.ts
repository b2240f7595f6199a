import type { RevisionOutcome, RevisionPhase, RolloutPhase } from "./types.gen.ts";

/** Types of the conditions of an Application. A const table: writers, readers and docs agree. */
export const applicationCondition = {
  /** Every slot runs currentRevision, is ready, and nothing newer is asked for. */
  ready: "Ready",
  /** A rollout goes on; False with a reason when none does, also after a failed one. */
  progressing: "Progressing",
  /** The newest template failed and the slots are back on the last good Revision. */
  rolledBack: "RolledBack",
  /** spec.paused or a failure holds the rollout. */
  paused: "Paused",
  /** Every slot has a Node. */
  scheduled: "Scheduled",
  /** kstatus: work on what is asked for goes on, or is held by a person. Never beside Ready or Stalled. */
  reconciling: "Reconciling",
  /** kstatus: what is asked for failed, and does not come without a new order. */
  stalled: "Stalled",
} as const;

/** Reasons of the conditions of an Application and of `status.rollout`, by what they say. */
export const applicationReason = {
  /** Ready: all slots run the current Revision and are ready. */
  slotsReady: "SlotsReady",
  /** Ready: some slots are not ready outside of a rollout. */
  slotsNotReady: "SlotsNotReady",
  /** Ready, Progressing: a rollout goes on. */
  rollingOut: "RollingOut",
  /** Ready, Progressing: a rollback goes on. */
  rollingBack: "RollingBack",
  /** Ready, Progressing, RolledBack: the newest template failed, the last good one runs. */
  rolledBack: "RolledBack",
  /** Progressing, RolledBack, Paused: the rollback itself failed and goes on slot by slot. */
  rollbackPaused: "RollbackPaused",
  /** Ready, Progressing: the first rollout failed and there is nothing to return to. */
  firstRolloutFailed: "FirstRolloutFailed",
  /** Progressing: the rollout is final. */
  completed: "Completed",
  /** RolledBack: the newest template did not fail. */
  notRolledBack: "NotRolledBack",
  /** Ready: spec.runState is Stopped and nothing runs, as asked for. */
  stopped: "Stopped",
  /** Ready: no slot is asked for. */
  noSlots: "NoSlots",
  /** Paused: spec.paused is true. */
  pausedByUser: "PausedByUser",
  /** Paused: strategy.onFailure is Pause and a slot failed. */
  pausedByFailure: "PausedByFailure",
  /** Paused: nothing is held. */
  notPaused: "NotPaused",
  /** Progressing, waits: the canary is good and waits for a person. */
  waitingForApproval: "WaitingForApproval",
  /** Waits: strategy.pauseBetweenBatchesSeconds runs. */
  waitingBetweenBatches: "WaitingBetweenBatches",
  /** Waits, Scheduled: Nodes are offline and strategy.offlineNodes is Wait. */
  waitingForNodes: "WaitingForNodes",
  /** Waits: images are being pulled or containers created. */
  waitingForPrepare: "WaitingForPrepare",
  /** Waits: slots are not yet ready, or not yet for minReadySeconds. */
  waitingForReady: "WaitingForReady",
  /** Waits: strategy.monitorSeconds runs. */
  monitoring: "Monitoring",
  /** Events: a batch begins. */
  batchStarted: "BatchStarted",
  /** Events: the canary may be followed by the rest. */
  canaryApproved: "CanaryApproved",
  /** Events: what held the rollout is over. */
  resumed: "Resumed",
  /** Reconciling: all is as asked for, or has failed. */
  settled: "Settled",
  /** Stalled: nothing failed. */
  notStalled: "NotStalled",
  /** Scheduled: every slot has a Node. */
  allScheduled: "AllScheduled",
  /** Scheduled: no Node fits some slot. */
  unschedulable: "Unschedulable",
  /** Ready, waits: a slot is on a Node that does not answer. */
  hostOffline: "HostOffline",
  /** Ready: as slotsReady but for slots on Nodes that do not answer; strategy.offlineNodes is Skip. */
  hostsSkipped: "HostsSkipped",
  /** Waits: a slot belongs to a Node that is cordoned, and holds no pod. */
  nodeCordoned: "NodeCordoned",
  /** Waits, Events: a slot leaves its Node, because somebody drains it. */
  movingSlot: "MovingSlot",
  /** Failure: nothing went on for progressDeadlineSeconds. */
  progressDeadlineExceeded: "ProgressDeadlineExceeded",
  /** Failure, Events: slots failed, and more than tolerateFailures end the rollout. */
  slotsFailed: "SlotsFailed",
  /** Failure: a container ended or restarted before it counted as good. */
  containerFailed: "ContainerFailed",
  /** Failure: an image cannot be pulled. */
  imagePullFailed: "ImagePullFailed",
  /** Waits: other members of the rollout group are not as far, see docs/rollout-groups.md. */
  waitingForGroup: "WaitingForGroup",
  /** Failure: another member of the rollout group failed. */
  groupFailed: "GroupFailed",
  /** Ready, Progressing, waits: a ConfigMap or Secret that the template names is absent. */
  waitingForConfig: "WaitingForConfig",
  /** Failure, waits: a container that is not ours holds the name or host port. */
  nameConflict: "NameConflict",
  portConflict: "PortConflict",
  /** Failure: a Node went offline and strategy.offlineNodes is Fail. */
  nodeOffline: "NodeOffline",
  /** Waits: a ResourceQuota of the namespace leaves no room for another Pod. */
  quotaExceeded: "QuotaExceeded",
  /** Failure: the template is not what the API server or engine accepts. */
  invalidTemplate: "InvalidTemplate",
} as const;

/** One of {@link applicationReason}. */
export type ApplicationReason = (typeof applicationReason)[keyof typeof applicationReason];

/** Types of the conditions of a Beacon. */
export const beaconCondition = {
  /** The tunnel of its agent is open. Written by the API server. */
  connected: "Connected",
  /** All its hosts answer. Written by the agent. */
  ready: "Ready",
  /** The last look for hosts told all of them. Written by the agent. */
  discovered: "Discovered",
  /** Two hosts answer with one Engine ID; absent while there are none. Written by the agent. */
  duplicateEngine: "DuplicateEngine",
} as const;

/** Reasons of the conditions of a Beacon. */
export const beaconReason = {
  /** Connected: the tunnel is open. */
  tunnelOpen: "TunnelOpen",
  /** Connected: the agent closed the tunnel, or it broke. */
  tunnelClosed: "TunnelClosed",
  /** Connected: no sign of life for longer than the lease allows. */
  heartbeatLost: "HeartbeatLost",
  /** Ready: every host answers. */
  hostsReady: "HostsReady",
  /** Ready: some host does not answer. */
  hostsNotReady: "HostsNotReady",
  /** Ready: discovery found no host. */
  noHosts: "NoHosts",
  /** Discovered: the last look brought the whole set. */
  hostsFound: "HostsFound",
  /** Discovered: the source does not answer, or not in full; the last set stays. */
  discoveryFailed: "DiscoveryFailed",
  /** Discovered: the provider refused the credentials, or they do not allow to list machines. */
  credentialsRefused: "CredentialsRefused",
  /** Discovered: the Secret of spec.credentialsRef is absent, or a key in it. */
  credentialsMissing: "CredentialsMissing",
  /** Discovered: the file of hosts, or what the Beacon asks for, cannot be; the last set stays. */
  configInvalid: "ConfigInvalid",
  /** DuplicateEngine: one of the two is a clone, or both URLs lead to one engine. */
  sameEngineId: "SameEngineId",
  /** Event: this beacon may not have the host, e.g. since another one holds it. */
  hostRefused: "HostRefused",
  /** Event: the Node of a vanished host was deleted, as spec.vanished says. */
  nodeDeleted: "NodeDeleted",
} as const;

/** Reasons of the conditions Ready and InsecureEngine of a Node, beside those of the node controller. */
export const nodeReason = {
  /** Ready: the engine answers. */
  engineReady: "EngineReady",
  /** Ready: nobody answers at its endpoint, or refuses us. */
  engineUnreachable: "EngineUnreachable",
  /** Ready: the engine takes connections and does not answer. */
  engineHangs: "EngineHangs",
  /** Ready: what answers at its endpoint does not speak as a Docker engine does. */
  notAnEngine: "NotADockerEngine",
  /** Ready: the engine is too old, or does not speak the version that it announced. */
  engineVersion: "EngineVersion",
  /** Ready is Unknown: discovery shows the host no more. */
  hostVanished: "HostVanished",
  /** InsecureEngine: plain TCP. */
  plainTcp: "PlainTcp",
  /** InsecureEngine is False: it was plain TCP, and is no more. */
  protectedEngine: "Protected",
} as const;

/** Phases in which a rollout has come to its end: nothing moves without a new order. */
export const terminalPhases: readonly RolloutPhase[] = ["Completed", "RolledBack"];

/** What becomes of a Revision with its phase, see crds/revision.yaml. */
export const revisionPhase = {
  pending: "Pending",
  preparing: "Preparing",
  rollingOut: "RollingOut",
  active: "Active",
  superseded: "Superseded",
  failed: "Failed",
} as const satisfies Record<string, RevisionPhase>;

/** How the first rollout of a Revision ended. Only `completed` makes it a version to return to. */
export const revisionOutcome = {
  completed: "Completed",
  failed: "Failed",
  abandoned: "Abandoned",
} as const satisfies Record<string, RevisionOutcome>;

/** Types of the conditions of a Pod that its agent reports beside the well-known ones. */
export const podCondition = {
  /** Its images are there and its containers are created: starting it needs neither pull nor create. */
  prepared: "lighthouse.dev/Prepared",
} as const;

/** Why a container waits, in `containerStatuses[].state.waiting.reason`, and why a pod is not prepared. */
export const podReason = {
  /** Well known: the image is being fetched or the container being made. */
  creating: "ContainerCreating",
  /** Ready, ContainersReady: a readiness probe has failed as often as it may. The message says how. */
  probeFailed: "ReadinessProbeFailed",
  /** Well known: init containers go first. */
  initializing: "PodInitializing",
  /** Well known: a pull failed just now; then: the next try waits. */
  pullFailed: "ErrImagePull",
  pullBackOff: "ImagePullBackOff",
  /**
   * No try will bring it: the registry answered that there is no such image or that it may not be
   * read, or the reference is none. The next try waits all the same, in case it is mended.
   */
  imageUnknown: "ImageNotFound",
  /** Well known: the image is absent and imagePullPolicy is Never. */
  neverPull: "ErrImageNeverPull",
  /** Well known: a ConfigMap, Secret or field that the container names is absent. */
  configError: "CreateContainerConfigError",
  /** Well known: the engine refuses to create or to start it. */
  createError: "CreateContainerError",
  runError: "RunContainerError",
  /** Well known: its post-start hook failed, and it was stopped for that. */
  postStartFailed: "PostStartHookError",
  /** The engine did not answer in time: what became of it shows once it does. */
  engineOverdue: "EngineOverdue",
  /** Well known: it ended too often; the next start waits. */
  crashLoop: "CrashLoopBackOff",
  /** A container that is not ours holds the name or a host port. */
  nameConflict: "NameConflict",
  portConflict: "PortConflict",
  /** It asks for CPUs of its own, and too few are free. The message says how many. */
  noFreeCpus: "NoFreeCpus",
  /** In `status.reason`, well known: the pod was ended because it or its host ran out of something. */
  evicted: "Evicted",
  /** In `status.reason`, well known: the pod was ended because spec.activeDeadlineSeconds was over. */
  deadlineExceeded: "DeadlineExceeded",
  /** Created, and not to be started yet. */
  prepared: "Prepared",
  /** Stopped as asked for, and kept. */
  stopped: "Stopped",
  /**
   * In `lastState.terminated.reason` or `state.terminated.reason`: it ended because its host or
   * engine did, which says nothing about the container. Its next start is not counted in
   * `restartCount`, as one after a stop that was asked for is not.
   */
  hostRestarted: "HostRestarted",
} as const;
