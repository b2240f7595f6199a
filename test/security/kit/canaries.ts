/**
 * Values that only who reads Secrets may see, each used in another way. They are put through a
 * whole life of everything that uses them; then whatever else can be read is searched for them.
 */
export const canaries = {
  data: "canaryData4Qz8",
  stringData: "canaryText7Wm2",
  env: "canaryEnv3Hn9x",
  argument: "canaryArg5Tk1v",
  file: "canaryFile8Rb6",
  pull: "canaryPull2Lc4",
  malformed: "canaryBad6Yd3p",
  token: "canaryt0kenabc12",
  password: "canary-Password-3Fj7",
  mistyped: "canary-Mistyped-1Vb5",
} as const;

/** Text as Secrets hold it. */
export const base64 = (text: string): string => Buffer.from(text).toString("base64");

/** A value as itself and in base64 at each of the three offsets, without what its neighbours colour. */
function formsOf(value: string): readonly string[] {
  const shifted = [1, 2].map((by) => base64("x".repeat(by) + value).slice(4, -4));
  return [value, base64(value).slice(0, -4), ...shifted];
}

const forms: string[] = Object.values(canaries).flatMap(formsOf);

/** Adds what only the server could make up, e.g. a token, to what is searched for. */
export function lookOutFor(secretValue: string): void {
  if (secretValue.length < 12) throw new Error("It is too short to be found for sure");
  forms.push(...formsOf(secretValue));
}

/** The canaries in a text, each with its surroundings. */
export function leaksIn(where: string, text: string): readonly string[] {
  return forms.flatMap((form) => {
    const at = text.indexOf(form);
    return at < 0 ? [] : [`${where}: …${text.slice(Math.max(0, at - 90), at + form.length)}`];
  });
}

/** audit.k8s.io/v1 Policy: as much as there is, of everything. */
export const auditEverything = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  rules: [{ level: "RequestResponse" }],
};

/** A Secret of the namespace default; `fields` may replace its metadata. */
export const secret = (name: string, fields: object): object => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name, namespace: "default" },
  ...fields,
});

const from = (name: string, key: string): object => ({ secretKeyRef: { name, key } });

/** Uses Secrets in every way there is. */
const podSpec = (image: string): object => ({
  imagePullSecrets: [{ name: "registry" }],
  containers: [
    {
      name: "main",
      image,
      command: ["serve", "--password=$(ARGUMENT)"],
      env: [
        { name: "ONE", valueFrom: from("all", "env") },
        { name: "ARGUMENT", valueFrom: from("all", "argument") },
      ],
      envFrom: [{ secretRef: { name: "text" } }],
      volumeMounts: [{ name: "files", mountPath: "/files" }],
    },
  ],
  volumes: [{ name: "files", secret: { secretName: "all" } }],
});

/** An Application of such Pods, one at a time. */
export const application = (name: string, image: string): object => ({
  apiVersion: "lighthouse.dev/v1",
  kind: "Application",
  metadata: { name, namespace: "default" },
  spec: {
    replicas: 1,
    template: {
      metadata: { annotations: { "lighthouse.dev/reload": "true" } },
      spec: podSpec(image),
    },
    strategy: { minReadySeconds: 0, monitorSeconds: 1, progressDeadlineSeconds: 10 },
  },
});

/** One such Pod. */
export const pod = (name: string, image: string): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "default" },
  spec: podSpec(image),
});
