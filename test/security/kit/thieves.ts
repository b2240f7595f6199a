import type { Access } from "../../../api/server/pki/kubeconfig.ts";
import type { AttackRig, Reply } from "./rig.ts";

/** A way to more rights than one has. */
export type Attempt = {
  /** Who tries, see {@link openThieves}. */
  readonly by: string;
  readonly what: string;
  readonly send: readonly [method: string, path: string, body?: unknown, type?: string];
  readonly headers?: Readonly<Record<string, string>>;
  /** What it is answered with; default 403. */
  readonly code?: number;
};

/** Users with some rights each, who want others. */
export type Thieves = { attempt(attempt: Attempt): Promise<Reply> };

/** The rules of a role that may do everything. */
export const everything: readonly object[] = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];

const group = "rbac.authorization.k8s.io";
const rbac = `/apis/${group}/v1`;
const write = ["get", "create", "update", "patch"];

/** What they may; `eve` is the administrator of one namespace. */
const roles: Readonly<Record<string, readonly object[]>> = {
  scribe: [
    {
      verbs: write,
      apiGroups: [group],
      resources: ["roles", "clusterroles", "rolebindings", "clusterrolebindings"],
    },
  ],
  clerk: [
    {
      verbs: write,
      apiGroups: ["certificates.k8s.io", "lighthouse.dev", "apiextensions.k8s.io"],
      resources: ["certificatesigningrequests", "users", "customresourcedefinitions"],
    },
  ],
  actor: [{ verbs: ["impersonate"], apiGroups: [""], resources: ["users"] }],
  looker: [{ verbs: ["get"], apiGroups: [""], resources: ["nodes/proxy"] }],
  keeper: [
    {
      verbs: ["get", "create"],
      apiGroups: [""],
      resources: ["nodes/docker-read", "nodes/docker-write", "nodes/docker-exec"],
      resourceNames: ["n1"],
    },
  ],
};

const bound = (name: string, role: string, subject: object): object => ({
  metadata: { name: `thief-${name}` },
  roleRef: { apiGroup: group, kind: "ClusterRole", name: role },
  subjects: [{ apiGroup: group, ...subject }],
});

/** Gives each of them a certificate and its rights. */
export async function openThieves(rig: AttackRig): Promise<Thieves> {
  const accesses = new Map<string, Access>();
  for (const [name, rules] of Object.entries(roles)) {
    await rig.arrange("POST", `${rbac}/clusterroles`, { metadata: { name }, rules });
    const binding = bound(name, name, { kind: "User", name });
    await rig.arrange("POST", `${rbac}/clusterrolebindings`, binding);
    accesses.set(name, await rig.as(name));
  }
  const eve = bound("eve", "admin", { kind: "User", name: "eve" });
  await rig.arrange("POST", `${rbac}/namespaces/lab/rolebindings`, eve);
  accesses.set("eve", await rig.as("eve"));
  const bosses = bound("bosses", "cluster-admin", { kind: "Group", name: "bosses" });
  await rig.arrange("POST", `${rbac}/clusterrolebindings`, bosses);
  const boss = bound("boss", "cluster-admin", { kind: "User", name: "boss" });
  await rig.arrange("POST", `${rbac}/clusterrolebindings`, boss);
  return {
    attempt({ by, send: [method, path, body, type], headers = {} }) {
      const as = accesses.get(by);
      if (as === undefined) throw new Error(`Cannot attempt: nobody is called ${by}`);
      const typed = type === undefined ? {} : { "content-type": type };
      return rig.send(method, path, { as, body, headers: { ...headers, ...typed } });
    },
  };
}
