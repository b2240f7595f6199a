import { type Check, none } from "./check.ts";
import type { EngineFact, Facts } from "./facts.ts";

function engines(
  { engines: all }: Facts,
  wrong: (engine: EngineFact) => string | undefined,
  fine: string,
  outcome: "FAIL" | "WARN" = "WARN",
) {
  if (all === undefined || all.length === 0) return undefined;
  const found = all.flatMap((engine) => {
    const what = wrong(engine);
    return what === undefined ? [] : [`${engine.node} ${what}`];
  });
  return none(found, fine, outcome);
}

/** Namespaces of our own parts, where nothing of people runs. */
const isOwn = (namespace: string): boolean => /^(kube|lighthouse)-/.test(namespace);

/** What runs, and on which engines. */
export const workloadChecks: readonly Check[] = [
  {
    id: "LH-6.1",
    cis: ["5.2.1", "5.2.2", "5.2.3", "5.2.4", "5.2.5", "5.2.9", "5.2.11", "5.2.12"],
    title: "No namespace is without a level of pod security (baseline is the default)",
    remedy: "kubectl label namespace NAME pod-security.kubernetes.io/enforce=baseline --overwrite",
    judge: ({ podSecurity }) =>
      podSecurity === undefined
        ? undefined
        : none(
            [...podSecurity].filter(([, level]) => level === "privileged").map(([name]) => name),
            "none is privileged",
          ),
  },
  {
    id: "LH-6.2",
    cis: ["5.2.6", "5.2.7", "5.2.8", "5.6.2", "5.6.3"],
    title: "Namespaces of people are restricted",
    remedy:
      "kubectl label namespace NAME pod-security.kubernetes.io/enforce=restricted --overwrite",
    judge: ({ podSecurity }) =>
      podSecurity === undefined
        ? undefined
        : none(
            [...podSecurity]
              .filter(([name, level]) => level !== "restricted" && !isOwn(name))
              .map(([name]) => name),
            "all are",
            "WARN",
          ),
  },
  {
    id: "LH-6.3",
    cis: ["5.5.1"],
    title: "Images are bound to registries or digests",
    remedy: "kubectl annotate namespace NAME lighthouse.dev/allowed-images=registry.example.com",
    judge: ({ imagePolicies, admissionPolicies }) =>
      imagePolicies === undefined || admissionPolicies === undefined
        ? undefined
        : none(
            imagePolicies.length + admissionPolicies > 0 ? [] : ["no namespace, and no policy"],
            `${imagePolicies.length} namespaces, ${admissionPolicies} policies`,
            "WARN",
          ),
  },
  {
    id: "LH-6.4",
    cis: ["5.6.1", "5.6.4"],
    title: "The namespace default is not used",
    remedy: "kubectl create namespace NAME  # and move the application there",
    judge: ({ pods }) =>
      pods === undefined
        ? undefined
        : none(
            pods
              .filter(({ namespace }) => namespace === "default")
              .map(({ name }) => `Pod ${name}`),
            "no Pod is in it",
            "WARN",
          ),
  },
  {
    id: "LH-6.5",
    cis: ["5.4.1"],
    title: "Secrets are files, not environment variables",
    remedy: "kubectl -n NAMESPACE edit application NAME  # volumes: [{secret: ...}]",
    judge: ({ pods }) =>
      pods === undefined
        ? undefined
        : none(
            pods
              .filter(({ secretsInEnv }) => secretsInEnv.length > 0)
              .map(({ namespace, name }) => `Pod ${namespace}/${name}`),
            "no Pod has one in its environment",
            "WARN",
          ),
  },
  {
    id: "LH-7.1",
    cis: ["4.2.1", "4.2.3", "4.2.9"],
    title: "No engine is reached over TCP without TLS",
    remedy:
      "dockerd --tlsverify --host tcp://0.0.0.0:2376  # or a unix socket and the agent beside it",
    judge: (facts) =>
      engines(
        facts,
        ({ endpoint, isPlain }) => (isPlain ? `is at ${endpoint}` : undefined),
        "none is",
        "FAIL",
      ),
  },
  {
    id: "LH-7.2",
    cis: [],
    title: "Engines trust no registry without TLS (CIS Docker 2.5)",
    remedy: "sed -i /insecure-registries/d /etc/docker/daemon.json && systemctl reload docker",
    judge: (facts) =>
      engines(
        facts,
        ({ insecureRegistries: found }) =>
          found.length === 0 ? undefined : `trusts ${found.join(" ")}`,
        "none does",
      ),
  },
  {
    id: "LH-7.3",
    cis: [],
    title: "Containers have user namespaces (CIS Docker 2.9)",
    remedy: 'dockerd --userns-remap=default  # or {"userns-remap": "default"} in daemon.json',
    judge: (facts) =>
      engines(facts, (one) => (one.userNamespaces ? undefined : "maps no users"), "all map users"),
  },
  {
    id: "LH-7.4",
    cis: [],
    title: "Containers outlive their engine (CIS Docker 2.14)",
    remedy: 'dockerd --live-restore  # or {"live-restore": true} in daemon.json',
    judge: (facts) =>
      engines(facts, (one) => (one.liveRestore ? undefined : "has no live-restore"), "all do"),
  },
  {
    id: "LH-7.5",
    cis: ["4.2.14", "5.6.2"],
    title: "Engines confine system calls by default",
    remedy: "dockerd --seccomp-profile builtin",
    judge: (facts) =>
      engines(facts, (one) => (one.seccomp ? undefined : "has no seccomp"), "all do", "FAIL"),
  },
];
