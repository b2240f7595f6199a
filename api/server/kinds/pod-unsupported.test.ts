import { expect, test } from "vitest";
import { builtInDefinitions } from "../openapi/builtin.ts";
import { isObject } from "./fill.ts";
import { setPodDefaults } from "./pod-defaults.ts";
import { refusedCauses, refusedFields } from "./pod-unsupported.ts";

const core = "io.k8s.api.core.v1.";

/** Types of which each field is looked at alone; the fields of all others are taken as one. */
const open = new Set(
  [
    "PodSpec",
    "Affinity",
    "NodeAffinity",
    "Container",
    "EphemeralContainer",
    "Probe",
    "Lifecycle",
    "LifecycleHandler",
    "EnvVar",
    "EnvVarSource",
    "EnvFromSource",
    "Volume",
    "VolumeMount",
    "ProjectedVolumeSource",
    "VolumeProjection",
    "DownwardAPIVolumeSource",
    "DownwardAPIProjection",
    "DownwardAPIVolumeFile",
    "SecurityContext",
    "PodSecurityContext",
    "SeccompProfile",
    "ResourceRequirements",
  ].map((name) => core + name),
);

/** What the agent, the scheduler or a controller keeps, and where that is to be seen. */
const honoured: readonly (readonly [path: string, by: string])[] = [
  [
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution",
    "controllers/scheduler/pod-facts.ts constraintsOf",
  ],
  [
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution",
    "controllers/scheduler/pod-facts.ts wishesOf",
  ],
  ["activeDeadlineSeconds", "agent/pods/deadline.ts"],
  ["dnsConfig", "agent/pods/network-spec.ts resolverOf"],
  ["dnsPolicy", "there is no cluster DNS: every policy but None is the host's, as Default"],
  ["hostAliases", "agent/pods/network-spec.ts resolverOf"],
  ["hostIPC", "agent/pods/translate.ts namespacesOf"],
  ["hostNetwork", "agent/pods/network-spec.ts networkConfig"],
  ["hostPID", "agent/pods/translate.ts namespacesOf"],
  ["hostname", "agent/pods/network-spec.ts hostnameOf"],
  ["imagePullSecrets", "agent/pods/registry-auth.ts"],
  ["nodeName", "agent/pods/desired.ts: the host that runs it"],
  ["nodeSelector", "controllers/scheduler/node-match.ts"],
  ["priority", "controllers/scheduler/plan.ts: order of the queue"],
  ["readinessGates", "agent/pods/status.ts gatesOpen"],
  ["restartPolicy", "agent/pods/containers.ts restartPolicyOf"],
  ["subdomain", "agent/pods/network-spec.ts aliasesOf: siblings on the same host find it by that"],
  ["schedulerName", "recorded: another scheduler may bind pods"],
  ["securityContext.runAsGroup", "agent/pods/translate.ts userOf"],
  ["securityContext.runAsNonRoot", "agent/pods/translate.ts requireNonRoot"],
  ["securityContext.runAsUser", "agent/pods/translate.ts userOf"],
  ["securityContext.seccompProfile.type", "agent/pods/translate.ts securityOptions"],
  ["securityContext.supplementalGroups", "agent/pods/translate.ts securityOf"],
  ["securityContext.sysctls", "agent/pods/translate.ts sysctlsOf"],
  ["serviceAccount", "recorded: the older name of serviceAccountName"],
  ["serviceAccountName", "agent/pods/env.ts fieldValue"],
  ["shareProcessNamespace", "agent/pods/translate.ts namespacesOf"],
  ["terminationGracePeriodSeconds", "agent/pods/containers.ts graceSecondsOf"],
  ["tolerations", "controllers/scheduler/node-match.ts"],
  ["volumes[].configMap", "agent/pods/volumes.ts keyedFiles"],
  ["volumes[].downwardAPI.defaultMode", "agent/pods/volumes.ts downwardFiles"],
  ["volumes[].downwardAPI.items[].fieldRef", "agent/pods/volumes.ts downwardFiles"],
  ["volumes[].downwardAPI.items[].mode", "agent/pods/volumes.ts downwardFiles"],
  ["volumes[].downwardAPI.items[].resourceFieldRef", "agent/pods/resource-field.ts"],
  ["volumes[].downwardAPI.items[].path", "agent/pods/volumes.ts downwardFiles"],
  ["volumes[].emptyDir", "agent/pods/volumes.ts emptyDir"],
  ["volumes[].hostPath", "agent/pods/volumes.ts hostPath"],
  ["volumes[].name", "identity"],
  ["volumes[].persistentVolumeClaim", "agent/pods/volumes.ts: a Docker volume of that name"],
  ["volumes[].projected.defaultMode", "agent/pods/volumes.ts projectedFiles"],
  ["volumes[].projected.sources[].configMap", "agent/pods/volumes.ts projectedFiles"],
  ["volumes[].projected.sources[].downwardAPI.items[].fieldRef", "agent/pods/volumes.ts"],
  ["volumes[].projected.sources[].downwardAPI.items[].mode", "agent/pods/volumes.ts"],
  [
    "volumes[].projected.sources[].downwardAPI.items[].resourceFieldRef",
    "agent/pods/resource-field.ts",
  ],
  ["volumes[].projected.sources[].downwardAPI.items[].path", "agent/pods/volumes.ts"],
  ["volumes[].projected.sources[].secret", "agent/pods/volumes.ts projectedFiles"],
  ["volumes[].secret", "agent/pods/volumes.ts keyedFiles"],
];

const ofContainer: readonly (readonly [path: string, by: string])[] = [
  ["args", "agent/pods/translate.ts translate"],
  ["command", "agent/pods/translate.ts translate"],
  ["env[].name", "agent/pods/env.ts resolveEnv"],
  ["env[].value", "agent/pods/env.ts resolveEnv"],
  ["env[].valueFrom.configMapKeyRef", "agent/pods/env.ts referenced"],
  ["env[].valueFrom.fieldRef", "agent/pods/env.ts fieldValue"],
  ["env[].valueFrom.resourceFieldRef", "agent/pods/resource-field.ts"],
  ["env[].valueFrom.secretKeyRef", "agent/pods/env.ts referenced"],
  ["envFrom[].configMapRef", "agent/pods/env.ts fromSource"],
  ["envFrom[].prefix", "agent/pods/env.ts fromSource"],
  ["envFrom[].secretRef", "agent/pods/env.ts fromSource"],
  ["image", "agent/pods/perform.ts pull"],
  ["imagePullPolicy", "agent/pods/perform.ts mustPull"],
  ["lifecycle.postStart.exec", "agent/pods/post-start.ts"],
  ["lifecycle.postStart.httpGet", "agent/pods/post-start.ts"],
  ["lifecycle.postStart.sleep", "agent/pods/post-start.ts"],
  ["lifecycle.preStop.exec", "agent/pods/hooks.ts"],
  ["lifecycle.preStop.httpGet", "agent/pods/hooks.ts"],
  ["lifecycle.preStop.sleep", "agent/pods/hooks.ts"],
  ["name", "identity"],
  ["ports", "agent/pods/translate.ts bindingsOf"],
  ["resources.limits", "agent/pods/translate.ts resourcesOf"],
  ["resources.requests", "controllers/scheduler/pod-facts.ts"],
  ["securityContext.allowPrivilegeEscalation", "agent/pods/translate.ts securityOptions"],
  ["securityContext.capabilities", "agent/pods/translate.ts securityOf"],
  ["securityContext.privileged", "agent/pods/translate.ts securityOf"],
  ["securityContext.readOnlyRootFilesystem", "agent/pods/translate.ts securityOf"],
  ["securityContext.runAsGroup", "agent/pods/translate.ts userOf"],
  ["securityContext.runAsNonRoot", "agent/pods/translate.ts requireNonRoot"],
  ["securityContext.runAsUser", "agent/pods/translate.ts userOf"],
  ["securityContext.seccompProfile.type", "agent/pods/translate.ts securityOptions"],
  ["stdin", "agent/pods/translate.ts translate"],
  ["stdinOnce", "agent/pods/translate.ts translate"],
  ["tty", "agent/pods/translate.ts translate"],
  ["volumeMounts[].mountPath", "agent/pods/volumes.ts mountOne"],
  ["volumeMounts[].mountPropagation", "agent/pods/volumes.ts hostPath"],
  ["volumeMounts[].name", "agent/pods/volumes.ts mountOne"],
  ["volumeMounts[].readOnly", "agent/pods/volumes.ts mountOne"],
  ["volumeMounts[].subPath", "agent/pods/volumes.ts mountOne"],
  ["workingDir", "agent/pods/translate.ts translate"],
  ...["livenessProbe", "readinessProbe", "startupProbe"].flatMap((probe) =>
    [
      "exec",
      "failureThreshold",
      "httpGet",
      "initialDelaySeconds",
      "periodSeconds",
      "successThreshold",
      "tcpSocket",
      "timeoutSeconds",
    ].map((field) => [`${probe}.${field}`, "agent/pods/prober.ts"] as const),
  ),
];

const known = new Map([
  ...honoured,
  ...["containers[].", "initContainers[]."].flatMap((list) =>
    ofContainer.map(([path, by]) => [list + path, by] as const),
  ),
  ["initContainers[].restartPolicy", "agent/pods/containers.ts membersOf"],
]);
/** An ephemeral container has the fields that its endpoint lets through. */
const judgedElsewhere = (path: string): boolean => path.startsWith("ephemeralContainers[].");

type Schema = { readonly [keyword: string]: unknown };
const definitions = await builtInDefinitions();

function nameOf(schema: Schema): string | undefined {
  const { $ref, allOf } = schema;
  if (typeof $ref === "string") return $ref.slice("#/components/schemas/".length);
  const [only] = Array.isArray(allOf) ? (allOf as readonly Schema[]) : [];
  return only === undefined ? undefined : nameOf(only);
}

function* leavesOf(schema: Schema, path: string): Generator<string> {
  const { items } = schema;
  if (isObject(items)) {
    const name = nameOf(items);
    if (name === undefined || !open.has(name)) yield path;
    else yield* fieldsOf(name, `${path}[].`);
    return;
  }
  const name = nameOf(schema);
  if (name !== undefined && open.has(name)) yield* fieldsOf(name, `${path}.`);
  else yield path;
}

function* fieldsOf(definition: string, prefix: string): Generator<string> {
  const properties = definitions.get(definition)?.["properties"] as Record<string, Schema>;
  for (const [field, schema] of Object.entries(properties)) {
    yield* leavesOf(schema, prefix + field);
  }
}

const refused = refusedFields.map(({ path }) => path);
const isRefused = (path: string): boolean =>
  refused.some((one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[]`));

const leaves = [...fieldsOf(`${core}PodSpec`, "")].filter((path) => !judgedElsewhere(path));

test("every field of a Pod is honoured, or refused by name", () => {
  expect(leaves.length).toBeGreaterThan(200);
  expect(leaves.filter((path) => !known.has(path) && !isRefused(path))).toEqual([]);
});

test("no field is both, and none of those that are honoured is unknown", () => {
  const all = new Set(leaves);
  expect([...known.keys()].filter((path) => isRefused(path))).toEqual([]);
  expect([...known.keys()].filter((path) => !all.has(path))).toEqual([]);
});

test("every refusal is of a field that exists", () => {
  const all = [...fieldsOf(`${core}PodSpec`, "")];
  const exists = (path: string): boolean =>
    all.some(
      (leaf) => leaf === path || leaf.startsWith(`${path}.`) || leaf.startsWith(`${path}[]`),
    ) ||
    // Below a type whose fields are taken as one.
    all.some((leaf) => path.startsWith(`${leaf}.`));
  expect(refused.filter((path) => !exists(path))).toEqual([]);
});

const minimal = { containers: [{ name: "web", image: "web:v1" }] };

test("refusedCauses() names the field and the reason", () => {
  const spec = {
    ...minimal,
    affinity: { podAffinity: {}, nodeAffinity: {} },
    containers: [{ name: "a" }, { name: "b", startupProbe: { grpc: { port: 1 } } }],
    volumes: [{ name: "v", nfs: { server: "s", path: "/" } }],
  };
  expect(refusedCauses(spec).map(({ field }) => field)).toEqual([
    "spec.volumes[0].nfs",
    "spec.containers[1].startupProbe.grpc",
    "spec.affinity.podAffinity",
  ]);
  expect(refusedCauses({ affinity: { podAffinity: {} } })[0]).toMatchObject({
    reason: "FieldValueForbidden",
    message: expect.stringMatching(/^Forbidden: not supported on plain Docker hosts: /),
  });
});

test("refusedCauses() takes what every Pod gets anyhow", () => {
  const pod = { apiVersion: "v1", kind: "Pod", metadata: {}, spec: structuredClone(minimal) };
  setPodDefaults(pod);
  expect(refusedCauses(pod.spec)).toEqual([]);
  const asked = { ...minimal, os: { name: "linux" }, automountServiceAccountToken: false };
  expect(refusedCauses(asked)).toEqual([]);
  expect(refusedCauses({ ...minimal, os: { name: "windows" } })).toHaveLength(1);
});
