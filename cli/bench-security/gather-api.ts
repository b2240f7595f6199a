import type { Client } from "../../api/client/client.ts";
import { eventIn } from "../../api/audit/event.ts";
import { encryptionPath, type EncryptionStatus } from "../../api/machinery/encryption-status.ts";
import { isForbidden, isNotFound } from "../../api/machinery/errors.ts";
import { annotation } from "../../crds/labels.ts";
import { readJson, readLines } from "../read.ts";
import type { EngineFact, Facts, GrantFact, PodFact, RuleFact } from "./facts.ts";

type Meta = {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
};
type Thing = { readonly metadata: Meta };
type Subject = { readonly kind: string; readonly name: string; readonly namespace?: string };
type Role = Thing & { readonly rules?: readonly Partial<RuleFact>[] | null };
type Binding = Thing & {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
};
type Container = {
  readonly env?: readonly {
    readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string } };
  }[];
};
type Pod = Thing & {
  readonly spec: {
    readonly serviceAccountName?: string;
    readonly automountServiceAccountToken?: boolean;
    readonly containers: readonly Container[];
  };
};
type Account = Thing & { readonly automountServiceAccountToken?: boolean };
type Secret = Thing & { readonly data?: Readonly<Record<string, string>> };
type Condition = { readonly type: string; readonly status: string };
type NodeThing = Thing & { readonly status?: { readonly conditions?: readonly Condition[] } };
type DockerInfo = {
  readonly SecurityOptions?: readonly string[] | null;
  readonly LiveRestoreEnabled?: boolean;
  readonly RegistryConfig?: {
    readonly InsecureRegistryCIDRs?: readonly string[] | null;
    readonly IndexConfigs?: Readonly<Record<string, { readonly Secure?: boolean }>> | null;
  };
};

/** Reads; what this user may not see, or this server does not have, is `undefined`. */
class Reader {
  readonly #client: Client;
  readonly #signal: AbortSignal;
  constructor(client: Client, signal: AbortSignal) {
    this.#client = client;
    this.#signal = signal;
  }

  async get<T>(path: string): Promise<T | undefined> {
    try {
      return await readJson<T>(this.#client, path, undefined, this.#signal);
    } catch (err) {
      if (isForbidden(err) || isNotFound(err)) return undefined;
      throw err;
    }
  }

  async list<T>(path: string): Promise<readonly T[] | undefined> {
    const answer = await this.get<{ readonly items?: readonly T[] | null }>(path);
    return answer === undefined ? undefined : (answer.items ?? []);
  }

  /** Whether a line of the log fits; reads no further than that. */
  async finds(path: string, fits: (line: string) => boolean): Promise<boolean> {
    const { body } = await this.#client.raw({ method: "GET", path, accept: "*/*" }, this.#signal);
    for await (const line of readLines(body)) if (fits(line)) return true;
    return false;
  }
}

const rbac = "/apis/rbac.authorization.k8s.io/v1";

const full = ({ verbs, apiGroups, resources, nonResourceURLs }: Partial<RuleFact>): RuleFact => ({
  verbs: verbs ?? [],
  apiGroups: apiGroups ?? [],
  resources: resources ?? [],
  nonResourceURLs: nonResourceURLs ?? [],
});

const nameIn = ({ metadata: { namespace, name } }: Thing): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

async function grantsOf(reader: Reader): Promise<Pick<Facts, "grants">> {
  const [clusterRoles, roles, clusterBindings, bindings] = await Promise.all([
    reader.list<Role>(`${rbac}/clusterroles`),
    reader.list<Role>(`${rbac}/roles`),
    reader.list<Binding>(`${rbac}/clusterrolebindings`),
    reader.list<Binding>(`${rbac}/rolebindings`),
  ]);
  if (!clusterRoles || !roles || !clusterBindings || !bindings) return {};
  const rules = new Map<string, readonly RuleFact[]>();
  for (const role of clusterRoles)
    rules.set(`ClusterRole ${nameIn(role)}`, (role.rules ?? []).map(full));
  for (const role of roles) rules.set(`Role ${nameIn(role)}`, (role.rules ?? []).map(full));
  const grantsBy = (kind: string, all: readonly Binding[]): readonly GrantFact[] =>
    all.flatMap((binding) => {
      const { namespace = "" } = binding.metadata;
      const { kind: roleKind, name } = binding.roleRef;
      const role = roleKind === "Role" ? `Role ${namespace}/${name}` : `${roleKind} ${name}`;
      return (binding.subjects ?? []).map((subject) => ({
        binding: `${kind} ${nameIn(binding)}`,
        role,
        subject: subjectText(subject, namespace),
        namespace,
        rules: rules.get(role) ?? [],
      }));
    });
  return {
    grants: [
      ...grantsBy("ClusterRoleBinding", clusterBindings),
      ...grantsBy("RoleBinding", bindings),
    ],
  };
}

function subjectText({ kind, name, namespace }: Subject, where: string): string {
  return kind === "ServiceAccount" ? `${kind} ${namespace ?? where}/${name}` : `${kind} ${name}`;
}

function podFact({ metadata, spec }: Pod, accounts: ReadonlySet<string>): PodFact {
  const { name, namespace = "" } = metadata;
  const { serviceAccountName: serviceAccount = "default", containers } = spec;
  const byAccount = accounts.has(`${namespace}/${serviceAccount}`);
  const secretsInEnv = containers.flatMap(({ env = [] }) =>
    env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef?.name ?? []),
  );
  const mountsToken = spec.automountServiceAccountToken ?? byAccount;
  return { name, namespace, serviceAccount, mountsToken, secretsInEnv };
}

async function workloads(reader: Reader): Promise<Partial<Facts>> {
  const [pods, accounts, namespaces, policies] = await Promise.all([
    reader.list<Pod>("/api/v1/pods"),
    reader.list<Account>("/api/v1/serviceaccounts"),
    reader.list<Thing>("/api/v1/namespaces"),
    reader.list<Thing>("/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"),
  ]);
  const mounting = accounts
    ?.filter((one) => one.automountServiceAccountToken !== false)
    .map(nameIn);
  const level = "pod-security.kubernetes.io/enforce";
  return {
    ...(mounting === undefined ? {} : { mountingAccounts: mounting }),
    ...(pods === undefined ? {} : { pods: pods.map((pod) => podFact(pod, new Set(mounting))) }),
    ...(policies === undefined ? {} : { admissionPolicies: policies.length }),
    ...(namespaces === undefined
      ? {}
      : {
          podSecurity: new Map(
            namespaces.map(({ metadata: { name, labels } }) => [name, labels?.[level] ?? ""]),
          ),
          imagePolicies: namespaces.filter(boundsImages).map(nameIn),
        }),
  };
}

function boundsImages({ metadata: { annotations = {} } }: Thing): boolean {
  const { [annotation.allowedImages]: allowed, [annotation.requireDigest]: digest } = annotations;
  return allowed !== undefined || digest === "true";
}

async function tokens(reader: Reader): Promise<Partial<Facts>> {
  const [joining, bound] = await Promise.all([
    reader.list<Secret>(
      "/api/v1/namespaces/kube-system/secrets?fieldSelector=type%3Dbootstrap.kubernetes.io%2Ftoken",
    ),
    reader.list<Secret>(
      "/api/v1/secrets?fieldSelector=type%3Dkubernetes.io%2Fservice-account-token",
    ),
  ]);
  return {
    ...(bound === undefined ? {} : { tokenSecrets: bound.map((one) => `Secret ${nameIn(one)}`) }),
    ...(joining === undefined
      ? {}
      : {
          bootstrapTokens: joining.map(({ metadata: { name }, data = {} }) => ({
            id: name.replace(/^bootstrap-token-/, ""),
            expires: Buffer.from(data["expiration"] ?? "", "base64").toString(),
          })),
        }),
  };
}

const isInsecure = ({ type, status }: Condition): boolean =>
  type === "InsecureEngine" && status === "True";

function engineFact({ metadata, status }: NodeThing, info: DockerInfo): EngineFact {
  const { SecurityOptions, LiveRestoreEnabled = false, RegistryConfig = {} } = info;
  const options = SecurityOptions ?? [];
  const isOn = (name: string): boolean =>
    options.some((one) => one.startsWith(`name=${name}`) || one === name);
  const cidrs = (RegistryConfig.InsecureRegistryCIDRs ?? []).filter((one) => !isLoopback(one));
  const named = Object.entries(RegistryConfig.IndexConfigs ?? {})
    .filter(([, { Secure }]) => Secure === false)
    .map(([name]) => name);
  return {
    node: metadata.name,
    endpoint: metadata.annotations?.[annotation.endpoint] ?? "",
    // Its agent knows; the port tells nothing.
    isPlain: status?.conditions?.some(isInsecure) === true,
    insecureRegistries: [...cidrs, ...named],
    userNamespaces: isOn("userns") || isOn("rootless"),
    liveRestore: LiveRestoreEnabled,
    seccomp: isOn("seccomp"),
  };
}

const isLoopback = (cidr: string): boolean => cidr.startsWith("127.") || cidr.startsWith("::1");

/** Engines that do not answer are left out: a check of what runs is not one of what is away. */
async function engines(reader: Reader): Promise<Pick<Facts, "engines">> {
  const nodes = await reader.list<NodeThing>("/api/v1/nodes");
  if (nodes === undefined) return {};
  const real = nodes.filter(({ metadata }) => !metadata.annotations?.[annotation.simulated]);
  const all = await Promise.all(
    real.map(async (node) => {
      const path = `/api/v1/nodes/${node.metadata.name}/proxy/info`;
      const info = await reader.get<DockerInfo>(path).catch(() => undefined);
      return info === undefined ? undefined : engineFact(node, info);
    }),
  );
  return { engines: all.filter((one) => one !== undefined) };
}

async function encryption(reader: Reader): Promise<Pick<Facts, "encryption">> {
  const status = await reader.get<EncryptionStatus>(encryptionPath);
  if (status === undefined) return {};
  const { plain, unreadable, keys } = status;
  const written = keys.filter(({ writes }) => writes).map(({ created }) => Date.parse(created));
  const newestKeyMs = Math.max(0, ...written);
  return { encryption: { plain, unreadable: unreadable.length, newestKeyMs } };
}

/** The reads above are themselves recorded, if anything is. */
async function audit(reader: Reader, sinceMs: number): Promise<Pick<Facts, "audit">> {
  const answer = await reader.get<{ readonly head?: object }>("/audit/head");
  if (answer === undefined) return {};
  const query = new URLSearchParams({ since: new Date(sinceMs).toISOString(), verb: "list" });
  const fits = (line: string): boolean => eventIn(line)?.objectRef?.resource === "clusterroles";
  const records = await reader.finds(`/audit?${query.toString()}`, fits);
  return { audit: { vouches: answer.head !== undefined, records } };
}

/** What the API tells; parts that this user may not see are left out. `sinceMs`: when that began. */
export async function gatherApi(
  client: Client,
  sinceMs: number,
  signal: AbortSignal,
): Promise<Partial<Facts>> {
  const reader = new Reader(client, signal);
  const parts = await Promise.all([
    grantsOf(reader),
    workloads(reader),
    tokens(reader),
    engines(reader),
    encryption(reader),
  ]);
  return Object.assign({}, ...parts, await audit(reader, sinceMs)) as Partial<Facts>;
}
