import { type Check, none, type Outcome, type Verdict } from "./check.ts";
import type { Facts, GrantFact, RuleFact } from "./facts.ts";

const has = (list: readonly string[], ...wanted: readonly string[]): boolean =>
  list.includes("*") || wanted.some((one) => list.includes(one));

/** What a rule has to allow to be found: a verb on a resource of a group. */
type Wanted = {
  readonly verbs: readonly string[];
  readonly group: string;
  readonly resources: readonly string[];
};

const allows =
  ({ verbs, group, resources }: Wanted) =>
  (rule: RuleFact): boolean =>
    has(rule.verbs, ...verbs) && has(rule.apiGroups, group) && has(rule.resources, ...resources);

/** Bindings of a fresh server by name, which is that of their role, with their group: a name alone would hide whatever is called so. */
export const ownBindings: Readonly<Record<string, readonly string[]>> = {
  "cluster-admin": ["system:masters"],
  "system:basic-user": ["system:authenticated"],
  "system:discovery": ["system:authenticated"],
  "system:lighthouse:beacon": ["system:beacons"],
  "system:lighthouse:certificate-asker": [
    "system:bootstrappers",
    "system:expired-beacons",
    "system:beacons",
  ],
  "system:lighthouse:controllers": ["system:lighthouse:controllers"],
  "system:lighthouse:server": ["system:lighthouse:servers"],
  "system:monitoring": ["system:monitoring"],
  "system:public-info-viewer": ["system:authenticated", "system:unauthenticated"],
  "system:service-account-issuer-discovery": ["system:serviceaccounts"],
};

/** What comes with the product, and who is allowed everything anyway. */
function isOwn({ binding, role, subject }: GrantFact): boolean {
  const [kind = "", name = ""] = binding.split(" ");
  const groups = Object.hasOwn(ownBindings, name) ? (ownBindings[name] ?? []) : [];
  const isListed = groups.some((group) => subject === `Group ${group}`);
  const isOurs = kind === "ClusterRoleBinding" && role === `ClusterRole ${name}` && isListed;
  return isOurs || subject === "Group system:masters";
}

const text = ({ subject, binding }: GrantFact): string => `${subject} by ${binding}`;

function bound(
  { grants }: Facts,
  fits: (grant: GrantFact) => boolean,
  outcome: Outcome = "WARN",
): Verdict | undefined {
  if (grants === undefined) return undefined;
  const found = grants.filter((grant) => !isOwn(grant) && fits(grant));
  return none(found.map(text), "nobody but the product's own parts", outcome);
}

/** A named administrator is told by LH-5.1; each check that follows would only say the same again. */
const isNamedAdmin = ({ role, subject }: GrantFact): boolean =>
  role === "ClusterRole cluster-admin" && subject.startsWith("User ");

function lesserBound(
  facts: Facts,
  fits: (rule: RuleFact) => boolean,
  outcome?: Outcome,
): Verdict | undefined {
  return bound(facts, (grant) => !isNamedAdmin(grant) && grant.rules.some(fits), outcome);
}

/** A check of who may do something that is as good as more. */
function mayDo(about: Omit<Check, "judge" | "remedy">, wanted: Wanted, outcome?: Outcome): Check {
  return {
    ...about,
    remedy:
      "kubectl delete KIND NAME  # of the binding that the evidence names; bind a role with less",
    judge: (facts) => lesserBound(facts, allows(wanted), outcome),
  };
}

/** Paths whose user has all secrets, or may make them useless. */
const powerful = ["/backup", "/lighthouse/encryption/rotate", "/authority/rotate"];

/** As RBAC reads it: a star at the end is for all that follows. */
const isPowerful = (url: string): boolean =>
  powerful.some((path) => (url.endsWith("*") ? path.startsWith(url.slice(0, -1)) : path === url));

const rbac = "rbac.authorization.k8s.io";

/** Who may do what. */
export const accessChecks: readonly Check[] = [
  {
    id: "LH-5.1",
    cis: ["5.1.1"],
    title: "cluster-admin is bound only where it must be",
    remedy: "kubectl delete clusterrolebinding NAME",
    judge: (facts) => bound(facts, ({ role }) => role === "ClusterRole cluster-admin"),
  },
  mayDo(
    { id: "LH-5.2", cis: ["5.1.2"], title: "Few may read Secrets of all namespaces" },
    { verbs: ["get", "list", "watch"], group: "", resources: ["secrets"] },
  ),
  {
    id: "LH-5.3",
    cis: ["5.1.3"],
    title: "Roles of people have no wildcards",
    remedy: "kubectl edit clusterrole NAME  # name groups, resources and verbs",
    judge: (facts) =>
      bound(
        facts,
        ({ role, rules }) =>
          role !== "ClusterRole cluster-admin" &&
          rules.some((rule) => rule.verbs.includes("*") || rule.resources.includes("*")),
      ),
  },
  mayDo(
    {
      id: "LH-5.4",
      cis: ["5.1.4"],
      title: "Few may create Pods, which is what their accounts may",
    },
    { verbs: ["create"], group: "", resources: ["pods"] },
  ),
  {
    id: "LH-5.5",
    cis: ["5.1.5"],
    title: "Default ServiceAccounts have no rights",
    remedy: "kubectl delete rolebinding NAME  # and give the Pods an account of their own",
    judge: (facts) =>
      bound(facts, ({ subject }) => /^ServiceAccount \S+\/default$/.test(subject), "FAIL"),
  },
  {
    id: "LH-5.6",
    cis: ["5.1.6"],
    title: "Tokens are mounted only where Pods need them",
    remedy:
      "kubectl -n NAMESPACE patch serviceaccount default -p '{\"automountServiceAccountToken\":false}'",
    judge({ pods, mountingAccounts }) {
      if (pods === undefined || mountingAccounts === undefined) return undefined;
      const mounting = pods.filter((pod) => pod.mountsToken && pod.serviceAccount === "default");
      return none(
        mounting.map(({ namespace, name }) => `Pod ${namespace}/${name}`),
        "no Pod mounts the token of a default account",
        "WARN",
      );
    },
  },
  {
    id: "LH-5.7",
    cis: ["5.1.7", "3.1.1"],
    title: "Nobody works in the group system:masters, which no role can bound",
    remedy: "kubectl create clusterrolebinding NAME --clusterrole=cluster-admin --user=USER",
    judge: ({ grants }) =>
      grants === undefined
        ? undefined
        : { outcome: "MANUAL", evidence: "lighthouse audit -u admin --since 30d tells who does" },
  },
  mayDo(
    { id: "LH-5.8", cis: ["5.1.8"], title: "Few may escalate or bind roles they do not have" },
    { verbs: ["bind", "escalate"], group: rbac, resources: ["roles", "clusterroles"] },
    "FAIL",
  ),
  mayDo(
    { id: "LH-5.9", cis: ["5.1.8"], title: "Few may act as other users" },
    {
      verbs: ["impersonate"],
      group: "",
      resources: ["users", "groups", "serviceaccounts"],
    },
    "FAIL",
  ),
  mayDo(
    {
      id: "LH-5.10",
      cis: ["5.1.10"],
      title: "Few may use the Docker API of hosts, which is root there",
    },
    {
      verbs: ["get", "create"],
      group: "",
      resources: ["nodes/proxy", "nodes/docker-write", "nodes/docker-exec", "nodes/docker-build"],
    },
  ),
  mayDo(
    { id: "LH-5.11", cis: ["5.1.11"], title: "Few may approve certificates" },
    {
      verbs: ["update", "patch", "approve"],
      group: "certificates.k8s.io",
      resources: ["certificatesigningrequests/approval", "signers"],
    },
    "FAIL",
  ),
  mayDo(
    { id: "LH-5.12", cis: ["5.1.12"], title: "Few may change admission policies" },
    {
      verbs: ["create", "update", "patch", "delete"],
      group: "admissionregistration.k8s.io",
      resources: ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
    },
  ),
  mayDo(
    { id: "LH-5.13", cis: ["5.1.13"], title: "Few may make tokens of ServiceAccounts" },
    { verbs: ["create"], group: "", resources: ["serviceaccounts/token"] },
  ),
  {
    id: "LH-5.16",
    cis: [],
    title: "Few may take backups, change encryption keys or roots, which is everything",
    remedy:
      "kubectl delete KIND NAME  # of the binding that the evidence names; bind a role with less",
    judge: (facts) => lesserBound(facts, ({ nonResourceURLs: urls }) => urls.some(isPowerful)),
  },
  {
    id: "LH-5.14",
    cis: ["3.1.3"],
    title: "Tokens that agents join with have an end",
    remedy: "lighthouse token delete ID && lighthouse token create --ttl 1h",
    judge: ({ bootstrapTokens }) =>
      bootstrapTokens === undefined
        ? undefined
        : none(
            bootstrapTokens.filter(({ expires }) => expires === "").map(({ id }) => `token ${id}`),
            "all have one",
          ),
  },
  {
    id: "LH-5.15",
    cis: ["3.1.2"],
    title: "No token of a ServiceAccount lasts for ever",
    remedy: "kubectl -n NAMESPACE delete secret NAME  # and ask by kubectl create token",
    judge: ({ tokenSecrets }) =>
      tokenSecrets === undefined ? undefined : none(tokenSecrets, "there is none", "WARN"),
  },
];
