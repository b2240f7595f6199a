import { childOf, fill, isObject, objectIn, objectsIn, textIn } from "./fill.ts";
import type { Body, JsonObject } from "./kind.ts";

/** Modes of files in volumes: 0644. */
const defaultMode = 0o644;

/** Fills in what Kubernetes fills in, so that clients see the same Pod everywhere. */
export function setPodDefaults(object: Body): void {
  const spec = childOf(object, "spec");
  fill(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
    securityContext: {},
  });
  for (const list of ["containers", "initContainers"]) {
    for (const container of objectsIn(spec, list)) {
      setContainerDefaults(container, spec["hostNetwork"] === true);
    }
  }
  for (const container of objectsIn(spec, "ephemeralContainers")) {
    setContainerDefaults(container, false);
  }
  for (const volume of objectsIn(spec, "volumes")) setVolumeDefaults(volume);
  // The older name of the same field.
  const account = textIn(spec, "serviceAccountName") || textIn(spec, "serviceAccount");
  if (account !== "") Object.assign(spec, { serviceAccountName: account, serviceAccount: account });
}

function setContainerDefaults(container: JsonObject, hostNetwork: boolean): void {
  fill(container, {
    imagePullPolicy: pullPolicy(textIn(container, "image")),
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    resources: {},
  });
  for (const port of objectsIn(container, "ports")) {
    fill(port, { protocol: "TCP" });
    if (hostNetwork) fill(port, { hostPort: port["containerPort"] });
  }
  for (const probe of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    setProbeDefaults(objectIn(container, probe));
  }
  for (const hook of ["postStart", "preStop"]) {
    setHttpGetDefaults(objectIn(objectIn(container, "lifecycle") ?? {}, hook));
  }
  for (const variable of objectsIn(container, "env")) {
    const reference = objectIn(objectIn(variable, "valueFrom") ?? {}, "fieldRef");
    if (reference !== undefined) fill(reference, { apiVersion: "v1" });
  }
  setRequestDefaults(objectIn(container, "resources") ?? {});
}

/** A moving tag is pulled each time, a fixed one only when it is missing. */
function pullPolicy(image: string): string {
  if (image.includes("@")) return "IfNotPresent";
  const name = image.slice(image.lastIndexOf("/") + 1);
  const tag = name.includes(":") ? name.slice(name.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function setProbeDefaults(probe: JsonObject | undefined): void {
  if (probe === undefined) return;
  fill(probe, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 });
  setHttpGetDefaults(probe);
  const grpc = objectIn(probe, "grpc");
  if (grpc !== undefined) fill(grpc, { service: "" });
}

function setHttpGetDefaults(handler: JsonObject | undefined): void {
  const httpGet = objectIn(handler ?? {}, "httpGet");
  if (httpGet !== undefined) fill(httpGet, { path: "/", scheme: "HTTP" });
}

/** A limit without a request is also the request. */
function setRequestDefaults(resources: JsonObject): void {
  const limits = objectIn(resources, "limits");
  if (limits === undefined) return;
  const requests = isObject(resources["requests"]) ? resources["requests"] : {};
  fill(requests, limits);
  resources["requests"] = requests;
}

function setVolumeDefaults(volume: JsonObject): void {
  if (Object.keys(volume).every((field) => field === "name")) volume["emptyDir"] = {};
  for (const source of ["secret", "configMap", "downwardAPI", "projected"]) {
    const files = objectIn(volume, source);
    if (files !== undefined) fill(files, { defaultMode });
  }
  const hostPath = objectIn(volume, "hostPath");
  if (hostPath !== undefined) fill(hostPath, { type: "" });
}

/** How long a Pod stays on a Node that is away, unless it says otherwise: as Kubernetes has it. */
const lostNodeSeconds = 300;

const tolerates = (toleration: JsonObject, key: string): boolean => {
  const [effect, ownKey] = [textIn(toleration, "effect"), textIn(toleration, "key")];
  if (effect !== "" && effect !== "NoExecute") return false;
  if (ownKey === "") return textIn(toleration, "operator") === "Exists";
  return ownKey === key;
};

/** What the admission plugin DefaultTolerationSeconds of Kubernetes adds to a new Pod. */
export function tolerateLostNode(object: Body): void {
  const spec = childOf(object, "spec");
  const own = objectsIn(spec, "tolerations");
  const missing = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].filter(
    (key) => !own.some((toleration) => tolerates(toleration, key)),
  );
  if (missing.length === 0) return;
  const common = { operator: "Exists", effect: "NoExecute", tolerationSeconds: lostNodeSeconds };
  spec["tolerations"] = [...own, ...missing.map((key) => ({ key, ...common }))];
}
