// By hack/update-builtin-schemas.ts from Kubernetes' published patch strategies. Do not edit.
import type { PatchType } from "./patch-field.ts";

/**
 * The patch strategies of the built-in types, keyed by the short name of the type. A list that is
 * not named here (tolerations, taints, args ...) is replaced as a whole.
 */
export const patchTypes: Readonly<Record<string, PatchType>> = {
  Container: {"env":{"strategy":"merge","mergeKey":"name"},"ports":{"strategy":"merge","mergeKey":"containerPort"},"volumeDevices":{"strategy":"merge","mergeKey":"devicePath"},"volumeMounts":{"strategy":"merge","mergeKey":"mountPath"}},
  ContainerStatus: {"allocatedResourcesStatus":{"strategy":"merge","mergeKey":"name"},"volumeMounts":{"strategy":"merge","mergeKey":"mountPath"}},
  EphemeralContainer: {"env":{"strategy":"merge","mergeKey":"name"},"ports":{"strategy":"merge","mergeKey":"containerPort"},"volumeDevices":{"strategy":"merge","mergeKey":"devicePath"},"volumeMounts":{"strategy":"merge","mergeKey":"mountPath"}},
  EphemeralVolumeSource: {"volumeClaimTemplate":{"type":"PersistentVolumeClaimTemplate"}},
  Namespace: {"metadata":{"type":"ObjectMeta"},"status":{"type":"NamespaceStatus"}},
  NamespaceStatus: {"conditions":{"strategy":"merge","mergeKey":"type"}},
  Node: {"metadata":{"type":"ObjectMeta"},"spec":{"type":"NodeSpec"},"status":{"type":"NodeStatus"}},
  NodeSpec: {"podCIDRs":{"strategy":"merge"}},
  NodeStatus: {"addresses":{"strategy":"merge","mergeKey":"type"},"conditions":{"strategy":"merge","mergeKey":"type"}},
  Pod: {"metadata":{"type":"ObjectMeta"},"spec":{"type":"PodSpec"},"status":{"type":"PodStatus"}},
  PodSpec: {"containers":{"type":"Container","strategy":"merge","mergeKey":"name"},"ephemeralContainers":{"type":"EphemeralContainer","strategy":"merge","mergeKey":"name"},"hostAliases":{"strategy":"merge","mergeKey":"ip"},"imagePullSecrets":{"strategy":"merge","mergeKey":"name"},"initContainers":{"type":"Container","strategy":"merge","mergeKey":"name"},"resourceClaims":{"strategy":"merge,retainKeys","mergeKey":"name"},"schedulingGates":{"strategy":"merge","mergeKey":"name"},"topologySpreadConstraints":{"strategy":"merge","mergeKey":"topologyKey"},"volumes":{"type":"Volume","strategy":"merge,retainKeys","mergeKey":"name"}},
  PodStatus: {"conditions":{"strategy":"merge","mergeKey":"type"},"containerStatuses":{"type":"ContainerStatus"},"ephemeralContainerStatuses":{"type":"ContainerStatus"},"hostIPs":{"strategy":"merge","mergeKey":"ip"},"initContainerStatuses":{"type":"ContainerStatus"},"podIPs":{"strategy":"merge","mergeKey":"ip"},"resourceClaimStatuses":{"strategy":"merge,retainKeys","mergeKey":"name"}},
  Service: {"metadata":{"type":"ObjectMeta"},"spec":{"type":"ServiceSpec"},"status":{"type":"ServiceStatus"}},
  ServiceAccount: {"metadata":{"type":"ObjectMeta"},"secrets":{"strategy":"merge","mergeKey":"name"}},
  ServiceSpec: {"ports":{"strategy":"merge","mergeKey":"port"}},
  ServiceStatus: {"conditions":{"strategy":"merge","mergeKey":"type"}},
  Volume: {"ephemeral":{"type":"EphemeralVolumeSource"}},
  CustomResourceDefinition: {"metadata":{"type":"ObjectMeta"},"spec":{"type":"CustomResourceDefinitionSpec"}},
  CustomResourceDefinitionSpec: {"versions":{"type":"CustomResourceDefinitionVersion"}},
  CustomResourceDefinitionVersion: {"schema":{"type":"CustomResourceValidation"}},
  CustomResourceValidation: {"openAPIV3Schema":{"type":"JSONSchemaProps"}},
  JSONSchemaProps: {"allOf":{"type":"JSONSchemaProps"},"anyOf":{"type":"JSONSchemaProps"},"not":{"type":"JSONSchemaProps"},"oneOf":{"type":"JSONSchemaProps"},"x-kubernetes-validations":{"strategy":"merge","mergeKey":"rule"}},
  ObjectMeta: {"finalizers":{"strategy":"merge"},"ownerReferences":{"strategy":"merge","mergeKey":"uid"}},
};
