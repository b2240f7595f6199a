import {
  type CostlyRequest,
  type CostlyGroup,
  core,
  many,
  fieldsOf,
  named,
  post,
  container,
  pod,
} from "./request.ts";

const containers = (count: number): readonly object[] =>
  many(count, (i) => ({ name: `c${i}`, image: "i" }));

/** Aimed at pods. */
export const pods: CostlyGroup = () => {
  const send = (what: string, spec: object): CostlyRequest => post(what, `${core}/pods`, pod(spec));
  return [
    send("a Pod of many containers", { containers: containers(20_000) }),
    send("a Pod of many containers of one name", { containers: many(60_000, () => container) }),
    send("many variables", {
      containers: [{ ...container, env: many(15_000, (i) => ({ name: `K${i}`, value: "v" })) }],
    }),
    send("many variables of no name", {
      containers: [{ ...container, env: many(15_000, () => ({})) }],
    }),
    send("many ports", {
      containers: [{ ...container, ports: many(15_000, (i) => ({ containerPort: i + 1 })) }],
    }),
    send("many ports of one name", {
      containers: [
        {
          ...container,
          ports: many(15_000, () => ({ name: "a", containerPort: 80, hostPort: 80 })),
        },
      ],
    }),
    send("many volumes", {
      containers: [container],
      volumes: many(15_000, (i) => ({ name: `v${i}`, emptyDir: {} })),
    }),
    send("many volumes and mounts", {
      containers: [
        {
          ...container,
          volumeMounts: many(15_000, (i) => ({ name: `v${i}`, mountPath: `/${i}` })),
        },
      ],
      volumes: many(15_000, (i) => ({ name: `v${i}`, emptyDir: {} })),
    }),
    send("many mounts of nothing", {
      containers: [
        { ...container, volumeMounts: many(15_000, (i) => ({ name: `v${i}`, mountPath: "/a" })) },
      ],
    }),
    send("many tolerations", {
      containers: [container],
      tolerations: many(15_000, (i) => ({ key: `k${i}`, operator: "Exists" })),
    }),
    send("many aliases of hosts", {
      containers: [container],
      hostAliases: many(15_000, () => ({ ip: "1.1.1.1", hostnames: ["a"] })),
    }),
    send("many limits", {
      containers: [
        {
          ...container,
          resources: { limits: fieldsOf(60_000, (i) => [`example.com/r${i}`, "1"]) },
        },
      ],
    }),
    send("a quantity of 1 MB", {
      containers: [{ ...container, resources: { limits: { cpu: "9".repeat(1_000_000) } } }],
    }),
    send("a quantity of 1 MB behind the point", {
      containers: [{ ...container, resources: { limits: { cpu: `0.${"9".repeat(1_000_000)}` } } }],
    }),
    send("a quantity with a great exponent", {
      containers: [
        { ...container, resources: { limits: { cpu: "1e999999999", memory: "1E999999" } } },
      ],
    }),
    send("an image of 3 MB", { containers: [{ name: "c", image: "a/".repeat(1_400_000) }] }),
    send("many node selectors", {
      containers: [container],
      nodeSelector: fieldsOf(60_000, (i) => [`k${i}`, "v"]),
    }),
    send("many arguments that name variables", {
      containers: [{ ...container, args: many(60_000, () => "$(A)") }],
    }),
    post(
      "a name of 1 MB",
      `${core}/pods`,
      named("Pod", "a-".repeat(500_000), { spec: { containers: [container] } }),
    ),
    post("many labels", `${core}/pods`, {
      ...pod({ containers: [container] }),
      metadata: { name: "a", labels: fieldsOf(60_000, (i) => [`k${i}`, ""]) },
    }),
    post("a label name of 1 MB", `${core}/pods`, {
      ...pod({ containers: [container] }),
      metadata: { name: "a", labels: { ["a.".repeat(500_000)]: "-".repeat(1_000_000) } },
    }),
    post("many finalizers", `${core}/configmaps`, {
      ...named("ConfigMap", "a", {}),
      metadata: { name: "a", finalizers: many(60_000, (i) => `a.b/${i}`) },
    }),
    post("many owners", `${core}/configmaps`, {
      ...named("ConfigMap", "a", {}),
      metadata: {
        name: "a",
        ownerReferences: many(15_000, (i) => ({
          apiVersion: "v1",
          kind: "Pod",
          name: "a",
          uid: `${i}`,
        })),
      },
    }),
    post("many bad owners", `${core}/configmaps`, {
      ...named("ConfigMap", "a", {}),
      metadata: { name: "a", ownerReferences: many(15_000, () => ({ controller: true })) },
    }),
  ];
};
