/** A field of core/v1 PodTemplateSpec that the schema of our template leaves out. */
export type UnsupportedField = {
  /** Path below `spec.template`; `[]` is any item of a list. */
  readonly path: string;
  /** Why, and what to use instead, as the end of a sentence. No full stop. */
  readonly reason: string;
};

const oneHost = "a Docker host has no such object";
const useSecurity = "Docker sets it per engine and not per container here";

/** Fields of a container, whether it is an init container or not. */
const ofContainer: Readonly<Record<string, string>> = {
  "env[].valueFrom.resourceFieldRef": "limits are not offered as variables, set value",
  "env[].valueFrom.fileKeyRef": oneHost,
  "lifecycle.postStart.tcpSocket": "Kubernetes does nothing with it either, use exec",
  "lifecycle.preStop.tcpSocket": "Kubernetes does nothing with it either, use exec",
  "lifecycle.stopSignal": "the STOPSIGNAL of the image is used",
  "resources.claims": oneHost,
  resizePolicy: "a change of resources makes a new Revision",
  restartPolicy: "sidecars that start before the others are not supported, use containers",
  restartPolicyRules: "set the restartPolicy of the pod",
  "securityContext.appArmorProfile": useSecurity,
  "securityContext.procMount": useSecurity,
  "securityContext.seLinuxOptions": useSecurity,
  "securityContext.windowsOptions": "only Linux hosts are supported",
  "securityContext.seccompProfile.localhostProfile":
    "profiles on a host are not used, use Unconfined",
  terminationMessagePath: "read the logs of the container instead",
  terminationMessagePolicy: "read the logs of the container instead",
  volumeDevices: "Docker volumes are file systems, use privileged with a hostPath",
  "volumeMounts[].recursiveReadOnly": "use readOnly",
  "volumeMounts[].subPathExpr": "use subPath",
};

const probes = ["livenessProbe", "readinessProbe", "startupProbe"];

/** Fields of a probe of a container. */
const ofProbe: Readonly<Record<string, string>> = {
  grpc: "use exec with a gRPC health client, or tcpSocket",
  terminationGracePeriodSeconds: "set the one of the pod",
};

/** Sources of volumes that need a storage system around the host. */
const volumeSources = [
  "awsElasticBlockStore",
  "azureDisk",
  "azureFile",
  "cephfs",
  "cinder",
  "csi",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "glusterfs",
  "iscsi",
  "nfs",
  "photonPersistentDisk",
  "portworxVolume",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
];

/** Sources of a projected volume that are not files of ours. */
const projectedSources: Readonly<Record<string, string>> = {
  clusterTrustBundle: oneHost,
  podCertificate: "containers get no credentials of the API server",
  serviceAccountToken: "containers get no credentials of the API server",
};

/** Fields of the pod itself. */
const ofPod: Readonly<Record<string, string>> = {
  activeDeadlineSeconds: "an Application runs until it is stopped",
  affinity: "use placement.nodeSelector of the Application, spreadBy and maxPerNode",
  automountServiceAccountToken: "containers get no credentials of the API server",
  enableServiceLinks: oneHost,
  ephemeralContainers: "they are added to a running pod only, through its subresource",
  hostUsers: "user namespaces are a setting of the engine (userns-remap)",
  hostnameOverride: "use hostname",
  nodeName: "use placement.nodes of the Application",
  os: "only Linux hosts are supported",
  overhead: oneHost,
  preemptionPolicy: "no pod is ever ended to make room for another",
  priority: "no pod is ever ended to make room for another",
  priorityClassName: "no pod is ever ended to make room for another",
  readinessGates: "readiness is that of the containers",
  resourceClaims: oneHost,
  resources: "set resources of the containers",
  runtimeClassName: "the default runtime of the engine is used",
  schedulerName: "there is one scheduler",
  schedulingGates: "set paused of the Application",
  "securityContext.appArmorProfile": useSecurity,
  "securityContext.fsGroup": "Docker does not change the owner of files in a volume",
  "securityContext.fsGroupChangePolicy": "Docker does not change the owner of files in a volume",
  "securityContext.seLinuxChangePolicy": useSecurity,
  "securityContext.seLinuxOptions": useSecurity,
  "securityContext.seccompProfile.localhostProfile":
    "profiles on a host are not used, use Unconfined",
  "securityContext.supplementalGroupsPolicy": "groups of the image are always kept",
  "securityContext.windowsOptions": "only Linux hosts are supported",
  serviceAccount: "containers get no credentials of the API server",
  serviceAccountName: "containers get no credentials of the API server",
  setHostnameAsFQDN: "use hostname",
  subdomain: "there is no cluster DNS, use hostAliases",
  topologySpreadConstraints: "use placement.spreadBy of the Application",
  "volumes[].ephemeral": "use emptyDir",
  "volumes[].gitRepo": "use an init container that clones into an emptyDir",
  "volumes[].image": "use an init container that copies into an emptyDir",
};

const below = (prefix: string, fields: Readonly<Record<string, string>>): UnsupportedField[] =>
  Object.entries(fields).map(([path, reason]) => ({ path: `${prefix}${path}`, reason }));

/**
 * Every field of core/v1 PodTemplateSpec that plain Docker, or Lighthouse on it, cannot honour.
 * They are refused by name rather than ignored: a manifest must not promise what nobody keeps.
 */
export const unsupportedFields: readonly UnsupportedField[] = [
  ...below("spec.", ofPod),
  ...volumeSources.map((source) => ({
    path: `spec.volumes[].${source}`,
    reason: "mount it on the host and use hostPath, or make a Docker volume of that name",
  })),
  ...below("spec.volumes[].projected.sources[].", projectedSources),
  ...below("spec.containers[].", ofContainer),
  ...probes.flatMap((probe) => below(`spec.containers[].${probe}.`, ofProbe)),
  ...below("spec.initContainers[].", ofContainer),
  ...below("spec.initContainers[].", {
    lifecycle: "an init container runs to its end",
    livenessProbe: "an init container runs to its end",
    ports: "an init container serves nobody",
    readinessProbe: "an init container runs to its end",
    startupProbe: "an init container runs to its end",
  }),
];

const byPath = new Map(unsupportedFields.map(({ path, reason }) => [path, reason]));

/**
 * Why a field of a template is not supported, for a path as strict validation names it, e.g.
 * `spec.template.spec.containers[0].`; `undefined` when it is simply unknown.
 */
export function whyUnsupported(field: string): string | undefined {
  const below = /^spec\.template\.(.*)$/.exec(field)?.[1];
  return below === undefined ? undefined : byPath.get(below.replaceAll(/\[\d+\]/g, "[]"));
}
