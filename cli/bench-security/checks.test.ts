import { describe, expect, test } from "vitest";
import { bootstrapObjects } from "../../api/server/authz/bootstrap.ts";
import { accessChecks, ownBindings } from "./access-checks.ts";
import { type Check, judgeAll, type Outcome } from "./check.ts";
import type { EngineFact, Facts, GrantFact, PodFact } from "./facts.ts";
import { serverChecks, servingName } from "./server-checks.ts";
import { workloadChecks } from "./workload-checks.ts";

const checks: readonly Check[] = [...serverChecks, ...accessChecks, ...workloadChecks];
const dayMs = 86_400_000;
const nowMs = Date.parse("2026-11-21T00:00:00Z");

const outcomeOf = (id: string, facts: Partial<Facts>): Outcome | undefined =>
  judgeAll(checks, { nowMs, ...facts }).find((one) => one.id === id)?.outcome;

const file = (mode: number, holds: "secret" | "public" | "folder", uid = 7) => ({
  files: [{ path: "/data/x", mode, uid, holds }],
  owner: 7,
});
const server = (...args: readonly string[]) => ({ processes: [["lighthouse", "server", ...args]] });
const ends = (name: string, days: number) => ({
  certificates: new Map([[name, nowMs + days * dayMs]]),
});
const grant = (over: Partial<GrantFact>): { readonly grants: readonly GrantFact[] } => ({
  grants: [
    {
      binding: "ClusterRoleBinding ops",
      role: "ClusterRole ops",
      subject: "User ann",
      namespace: "",
      rules: [],
      ...over,
    },
  ],
});
const rule = (verbs: string, group: string, resource: string) =>
  grant({
    rules: [{ verbs: [verbs], apiGroups: [group], resources: [resource], nonResourceURLs: [] }],
  });
const pod = (over: Partial<PodFact>) => ({
  mountingAccounts: [],
  pods: [
    {
      name: "web",
      namespace: "shop",
      serviceAccount: "web",
      mountsToken: false,
      secretsInEnv: [],
      ...over,
    },
  ],
});
const engine = (over: Partial<EngineFact>) => ({
  engines: [
    {
      node: "a",
      endpoint: "unix:///run/docker.sock",
      isPlain: false,
      insecureRegistries: [],
      userNamespaces: true,
      liveRestore: true,
      seccomp: true,
      ...over,
    },
  ],
});
const key = (plain: number, unreadable: number, days = 1) => ({
  encryption: { plain, unreadable, newestKeyMs: nowMs - days * dayMs },
});
const level = (name: string, text: string) => ({ podSecurity: new Map([[name, text]]) });

type Row = readonly [id: string, good: Partial<Facts>, bad: Partial<Facts>, outcome: Outcome];

const url = (path: string) =>
  grant({ rules: [{ verbs: ["*"], apiGroups: [], resources: [], nonResourceURLs: [path] }] });
const etcds = "--store=etcds://h:2379";

const rbac = "rbac.authorization.k8s.io";
const rows: readonly Row[] = [
  ["LH-1.1", file(0o600, "secret"), file(0o640, "secret"), "FAIL"],
  ["LH-1.2", file(0o644, "public"), file(0o664, "public"), "FAIL"],
  ["LH-1.3", file(0o700, "folder"), file(0o750, "folder"), "FAIL"],
  ["LH-1.4", file(0o600, "secret"), file(0o600, "secret", 8), "FAIL"],
  ["LH-2.1", { anonymousCode: 401 }, { anonymousCode: 200 }, "FAIL"],
  ["LH-2.2", { protocols: ["TLSv1.2", "TLSv1.3"] }, { protocols: ["TLSv1.1", "TLSv1.2"] }, "FAIL"],
  ["LH-2.3", ends(servingName, 15), ends(servingName, 13), "FAIL"],
  ["LH-2.4", ends("authority", 366), ends("authority", 364), "WARN"],
  [
    "LH-3.1",
    { audit: { vouches: true, records: true } },
    { audit: { vouches: true, records: false } },
    "FAIL",
  ],
  ["LH-3.2", server("--audit-log-maxage", "30"), server("--audit-log-maxbackup=3"), "FAIL"],
  ["LH-3.2", server("--audit-log-maxage=0"), server("--audit-log-maxsize", "10"), "FAIL"],
  ["LH-3.3", server(), server("--audit-policy", "p.yaml"), "MANUAL"],
  ["LH-4.1", key(0, 0), key(3, 0), "FAIL"],
  ["LH-4.1", key(0, 0), key(0, 1), "FAIL"],
  ["LH-4.2", key(0, 0, 365), key(0, 0, 366), "WARN"],
  ["LH-4.3", server(), server("--store", "etcd://10.0.0.1:2379"), "FAIL"],
  ["LH-4.3", server(`${etcds}?cert=c`), server("--store=etcd://u:p@h:2379"), "FAIL"],
  ["LH-4.3", server(etcds, "--etcd-certfile=c"), server(`${etcds}?ca=c`), "FAIL"],
  [
    "LH-4.3",
    server("--store=etcd://h:2379", "--etcd-cafile=c", "--etcd-certfile", "c"),
    server("--store=etcd://h:2379", "--etcd-certfile", "c"),
    "FAIL",
  ],
  ["LH-5.1", grant({}), grant({ role: "ClusterRole cluster-admin" }), "WARN"],
  ["LH-5.2", rule("get", "", "pods"), rule("list", "", "secrets"), "WARN"],
  ["LH-5.2", rule("create", "", "secrets"), rule("*", "*", "*"), "WARN"],
  ["LH-5.3", rule("get", "", "pods"), rule("*", "", "pods"), "WARN"],
  ["LH-5.4", rule("get", "", "pods"), rule("create", "", "pods"), "WARN"],
  [
    "LH-5.5",
    grant({ subject: "ServiceAccount shop/web" }),
    grant({ subject: "ServiceAccount shop/default" }),
    "FAIL",
  ],
  [
    "LH-5.6",
    pod({ mountsToken: true }),
    pod({ mountsToken: true, serviceAccount: "default" }),
    "WARN",
  ],
  ["LH-5.8", rule("get", rbac, "roles"), rule("escalate", rbac, "clusterroles"), "FAIL"],
  ["LH-5.9", rule("get", "", "users"), rule("impersonate", "", "groups"), "FAIL"],
  ["LH-5.10", rule("get", "", "nodes/stats"), rule("create", "", "nodes/docker-exec"), "WARN"],
  [
    "LH-5.11",
    rule("create", "certificates.k8s.io", "certificatesigningrequests"),
    rule("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
    "FAIL",
  ],
  [
    "LH-5.12",
    rule("get", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    rule("delete", "admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
    "WARN",
  ],
  [
    "LH-5.13",
    rule("get", "", "serviceaccounts"),
    rule("create", "", "serviceaccounts/token"),
    "WARN",
  ],
  [
    "LH-5.14",
    { bootstrapTokens: [{ id: "a", expires: "2026-12-01T00:00:00Z" }] },
    { bootstrapTokens: [{ id: "a", expires: "" }] },
    "FAIL",
  ],
  ["LH-5.16", url("/audit"), url("/backup"), "WARN"],
  ["LH-5.16", url("/b"), url("/b*"), "WARN"],
  ["LH-5.15", { tokenSecrets: [] }, { tokenSecrets: ["Secret shop/t"] }, "WARN"],
  ["LH-6.1", level("shop", ""), level("shop", "privileged"), "FAIL"],
  ["LH-6.2", level("shop", "restricted"), level("shop", "baseline"), "WARN"],
  ["LH-6.2", level("kube-system", ""), level("shop", ""), "WARN"],
  [
    "LH-6.3",
    { imagePolicies: ["shop"], admissionPolicies: 0 },
    { imagePolicies: [], admissionPolicies: 0 },
    "WARN",
  ],
  ["LH-6.4", pod({}), pod({ namespace: "default" }), "WARN"],
  ["LH-6.5", pod({}), pod({ secretsInEnv: ["key"] }), "WARN"],
  ["LH-7.1", engine({}), engine({ isPlain: true }), "FAIL"],
  ["LH-7.2", engine({}), engine({ insecureRegistries: ["10.0.0.0/8"] }), "WARN"],
  ["LH-7.3", engine({}), engine({ userNamespaces: false }), "WARN"],
  ["LH-7.4", engine({}), engine({ liveRestore: false }), "WARN"],
  ["LH-7.5", engine({}), engine({ seccomp: false }), "FAIL"],
];

describe("checks", () => {
  test.each(rows)("%s tells good from bad", (id, good, bad, outcome) => {
    expect([outcomeOf(id, good), outcomeOf(id, bad)]).toEqual(["PASS", outcome]);
  });

  test("all but those for people to look at have a good and a bad case", () => {
    const tried = new Set(rows.map(([id]) => id));
    expect(checks.map(({ id }) => id).filter((id) => !tried.has(id))).toEqual(["LH-5.7"]);
  });

  test("nothing that is not known passes or fails", () => {
    const found = judgeAll(checks, { nowMs });
    expect(new Set(found.map(({ outcome }) => outcome))).toEqual(new Set(["MANUAL"]));
  });

  test("bindings of the product's own parts are not told", () => {
    const role = "ClusterRole cluster-admin";
    const outcomeFor = (binding: string, subject: string): Outcome | undefined =>
      outcomeOf("LH-5.1", grant({ role, binding, subject }));
    expect(outcomeFor("ClusterRoleBinding x", "Group system:masters")).toBe("PASS");
    const monitoring = { binding: "ClusterRoleBinding system:monitoring" };
    const everything = rule("*", "*", "secrets").grants.map((one) => ({ ...one, ...monitoring }));
    const own = { role: "ClusterRole system:monitoring", subject: "Group system:monitoring" };
    const grants = everything.map((one) => ({ ...one, ...own }));
    expect([outcomeOf("LH-5.2", { grants: everything }), outcomeOf("LH-5.2", { grants })]).toEqual([
      "WARN",
      "PASS",
    ]);
  });

  test("a user who is bound to cluster-admin is told once; groups and accounts each time", () => {
    const adminOf = (subject: string) => ({
      grants: rule("*", "*", "*").grants.map((one) => ({
        ...one,
        role: "ClusterRole cluster-admin",
        subject,
      })),
    });
    const outcomes = (subject: string) =>
      ["LH-5.1", "LH-5.2", "LH-5.8"].map((id) => outcomeOf(id, adminOf(subject)));
    expect(outcomes("User ann")).toEqual(["WARN", "PASS", "PASS"]);
    expect(outcomes("Group system:authenticated")).toEqual(["WARN", "WARN", "FAIL"]);
    expect(outcomes("ServiceAccount shop/ci")).toEqual(["WARN", "WARN", "FAIL"]);
  });

  test("a name like those of the product's own hides nothing", () => {
    const role = "ClusterRole cluster-admin";
    for (const [binding, subject] of [
      ["ClusterRoleBinding system:x", "User eve"],
      ["ClusterRoleBinding system:monitoring", "User eve"],
      ["ClusterRoleBinding system:monitoring", "Group system:monitoring"],
      ["RoleBinding shop/system:monitoring", "Group system:authenticated"],
    ] as const) {
      expect(outcomeOf("LH-5.1", grant({ role, binding, subject })), binding).toBe("WARN");
    }
  });

  test("ownBindings are those of a fresh server", () => {
    const found = bootstrapObjects()
      .filter(({ plural }) => plural === "clusterrolebindings")
      .map(({ object }) => {
        expect(object["roleRef"]).toMatchObject({
          kind: "ClusterRole",
          name: object.metadata.name,
        });
        const subjects = object["subjects"] as readonly { readonly name: string }[];
        return [object.metadata.name, subjects.map(({ name }) => name)] as const;
      });
    expect(Object.fromEntries(found)).toEqual(ownBindings);
  });

  test("what nobody could look at is not fine", () => {
    expect(outcomeOf("LH-1.1", { ...file(0o700, "folder") })).toBe("MANUAL");
    expect(outcomeOf("LH-2.3", ends("authority", 400))).toBe("MANUAL");
    expect(outcomeOf("LH-2.3", ends(servingName, Number.NaN))).toBe("MANUAL");
  });

  test("evidence names no password, and counts what it does not list", () => {
    const urls = Array.from(
      { length: 7 },
      (_, index) => `--store=etcd://root:hunter2@h${index}:2379`,
    );
    const [found] = judgeAll(
      checks.filter(({ id }) => id === "LH-4.3"),
      { nowMs, ...server(...urls) },
    );
    expect(found?.evidence).not.toContain("hunter2");
    expect(found?.evidence).toContain("and 2 more");
  });

  test("ids are unique", () => {
    expect(new Set(checks.map(({ id }) => id)).size).toBe(checks.length);
  });
});
