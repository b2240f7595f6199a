import { expect, test } from "vitest";
import type { PodSpec } from "../resources.ts";
import { violationsOf, violationText } from "./evaluate.ts";
import type { Level } from "./level.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What a container needs at the level restricted. */
const tight: Fields = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  runAsNonRoot: true,
  seccompProfile: { type: "RuntimeDefault" },
};

function textOf(spec: Fields, level: Level, minor = Infinity, annotations = {}): string {
  const subject = { annotations, spec: spec as unknown as PodSpec, allowsHostPort: () => false };
  return violationText(violationsOf(subject, { level, minor }));
}

const lists = ["containers", "initContainers", "ephemeralContainers"] as const;

/** A Pod of which one container of one list is special. */
function podWith(list: (typeof lists)[number], fields: Fields): Fields {
  const good = { name: "good", image: "a", securityContext: tight };
  const bad = { name: "bad", image: "a", ...fields };
  return list === "containers"
    ? { containers: [good, bad] }
    : { containers: [good], [list]: [bad] };
}

const context = (fields: Fields): Fields => ({ securityContext: { ...tight, ...fields } });

/** What no container may have at the level, and how it is said. */
const badContainers: readonly (readonly [Level, string, Fields, string])[] = [
  [
    "baseline",
    "privileged",
    context({ privileged: true }),
    'privileged (container "bad" must not set securityContext.privileged=true)',
  ],
  [
    "baseline",
    "capabilities",
    context({ capabilities: { add: ["SYS_ADMIN", "CHOWN", "NET_RAW"] } }),
    'non-default capabilities (container "bad" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
  ],
  [
    "baseline",
    "a capability by its kernel name",
    context({ capabilities: { add: ["CAP_CHOWN"] } }),
    'non-default capabilities (container "bad" must not include "CAP_CHOWN" in securityContext.capabilities.add)',
  ],
  [
    "baseline",
    "host ports",
    {
      ports: [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 0 },
      ],
    },
    'hostPort (container "bad" uses hostPort 80)',
  ],
  [
    "baseline",
    "hosts of probes",
    {
      livenessProbe: { httpGet: { host: "10.0.0.1", port: 80 } },
      lifecycle: { preStop: { tcpSocket: { host: "b", port: 1 } } },
    },
    'probe or lifecycle host (container "bad" uses probe or lifecycle hosts "10.0.0.1", "b")',
  ],
  [
    "baseline",
    "procMount",
    context({ procMount: "Unmasked" }),
    'procMount (container "bad" must not set securityContext.procMount to "Unmasked")',
  ],
  [
    "baseline",
    "SELinux",
    context({ seLinuxOptions: { type: "spc_t", user: "u", role: "r" } }),
    'seLinuxOptions (container "bad" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
  ],
  [
    "baseline",
    "seccomp",
    context({ seccompProfile: { type: "Unconfined" } }),
    'seccompProfile (container "bad" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    "baseline",
    "AppArmor",
    context({ appArmorProfile: { type: "Unconfined" } }),
    'forbidden AppArmor profile (container "bad" must not set AppArmor profile type to "Unconfined")',
  ],
  [
    "baseline",
    "host process",
    context({ windowsOptions: { hostProcess: true } }),
    'hostProcess (container "bad" must not set securityContext.windowsOptions.hostProcess=true)',
  ],
  [
    "restricted",
    "escalation",
    context({ allowPrivilegeEscalation: true }),
    'allowPrivilegeEscalation != false (container "bad" must set securityContext.allowPrivilegeEscalation=false)',
  ],
  [
    "restricted",
    "kept capabilities",
    context({ capabilities: { drop: ["NET_RAW"], add: ["CHOWN", "NET_BIND_SERVICE"] } }),
    'unrestricted capabilities (container "bad" must set securityContext.capabilities.drop=["ALL"]; container "bad" must not include "CHOWN" in securityContext.capabilities.add)',
  ],
  [
    "restricted",
    "root is not ruled out",
    context({ runAsNonRoot: undefined }),
    'runAsNonRoot != true (pod or container "bad" must set securityContext.runAsNonRoot=true)',
  ],
  [
    "restricted",
    "root is allowed",
    context({ runAsNonRoot: false }),
    'runAsNonRoot != true (container "bad" must not set securityContext.runAsNonRoot=false)',
  ],
  [
    "restricted",
    "root",
    context({ runAsUser: 0 }),
    'runAsUser=0 (container "bad" must not set runAsUser=0)',
  ],
  [
    "restricted",
    "no seccomp",
    context({ seccompProfile: undefined }),
    'seccompProfile (pod or container "bad" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  ],
  [
    "restricted",
    "seccomp",
    context({ seccompProfile: { type: "Unconfined" } }),
    'seccompProfile (container "bad" must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
];

const everywhere = badContainers.flatMap(([level, what, fields, text]) =>
  lists.map((list) => [what, list, { level, spec: podWith(list, fields), text }] as const),
);

test.each(everywhere)("violationsOf() finds %s in %s", (_what, _list, { level, spec, text }) => {
  expect(textOf(spec, level)).toBe(text);
  expect(textOf(spec, "privileged")).toBe("");
});

const goodContainers: readonly (readonly [Level, string, Fields])[] = [
  ["baseline", "nothing said", {}],
  ["baseline", "default capabilities", context({ capabilities: { add: ["CHOWN", "KILL"] } })],
  ["baseline", "a port without the host's", { ports: [{ containerPort: 80 }] }],
  ["baseline", "a probe of itself", { livenessProbe: { httpGet: { port: 80 } } }],
  ["baseline", "a profile", context({ seccompProfile: { type: "Localhost" } })],
  ["baseline", "AppArmor", context({ appArmorProfile: { type: "RuntimeDefault" } })],
  ["baseline", "SELinux", context({ seLinuxOptions: { type: "container_t", level: "s0" } })],
  ["baseline", "procMount", context({ procMount: "Default", privileged: false })],
  ["restricted", "the strictest", context({})],
  [
    "restricted",
    "a low port",
    context({ capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } }),
  ],
  ["restricted", "a user", context({ runAsUser: 1000 })],
];

test.each(goodContainers)("violationsOf() lets %s pass with %s", (level, _what, fields) => {
  for (const list of lists) expect(textOf(podWith(list, fields), level)).toBe("");
});

const one = { containers: [{ name: "web", image: "a", securityContext: tight }] };

test.each<readonly [string, Fields, Level, string]>([
  [
    "namespaces of the host",
    { hostNetwork: true, hostPID: true, hostIPC: true },
    "baseline",
    "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)",
  ],
  [
    "directories of the host",
    {
      volumes: [
        { name: "a", hostPath: { path: "/" } },
        { name: "b", emptyDir: {} },
      ],
    },
    "baseline",
    'hostPath volumes (volume "a")',
  ],
  [
    "volumes that are not the namespace's",
    {
      volumes: [
        { name: "a", hostPath: { path: "/" } },
        { name: "b", nfs: {} },
      ],
    },
    "restricted",
    'restricted volume types (volumes "a", "b" use restricted volume types "hostPath", "nfs")',
  ],
  [
    "sysctls",
    { securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } },
    "baseline",
    "forbidden sysctls (kernel.msgmax)",
  ],
  [
    "sysctls that only look like a field of every object",
    { securityContext: { sysctls: [{ name: "constructor", value: "1" }] } },
    "baseline",
    "forbidden sysctls (constructor)",
  ],
  [
    "seccomp of the pod",
    { securityContext: { seccompProfile: { type: "Unconfined" } } },
    "restricted",
    'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
  ],
  [
    "root of the pod",
    { securityContext: { runAsUser: 0, runAsNonRoot: false } },
    "restricted",
    "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false), runAsUser=0 (pod must not set runAsUser=0)",
  ],
])("violationsOf() finds %s", (_what, fields, level, text) => {
  expect(textOf({ ...one, ...fields }, level)).toBe(text);
});

test("violationsOf() takes what the pod says for containers that say nothing", () => {
  const { runAsNonRoot: _user, seccompProfile: _profile, ...rest } = tight;
  const securityContext = { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };
  const containers = [{ name: "web", image: "a", securityContext: rest }];
  expect(textOf({ securityContext, containers }, "restricted")).toBe("");
});

test("violationsOf() judges as the version did that was asked for", () => {
  const sysctls = [{ name: "net.ipv4.tcp_rmem", value: "1" }];
  const spec = { containers: [{ name: "web", image: "a" }], securityContext: { sysctls } };
  expect(textOf(spec, "baseline", 31)).toBe("forbidden sysctls (net.ipv4.tcp_rmem)");
  expect(textOf(spec, "baseline", 32)).toBe("");
  const profile = { containers: one.containers, securityContext: { runAsUser: 0 } };
  expect(textOf(profile, "restricted", 22)).toBe("");
  expect(textOf(profile, "restricted", 23)).toBe("runAsUser=0 (pod must not set runAsUser=0)");
  // Before 1.22 capabilities were those of baseline.
  const added = podWith("containers", context({ capabilities: { add: ["SYS_TIME"] } }));
  expect(textOf(added, "restricted", 21)).toMatch(/^non-default capabilities/);
});

test("violationsOf() lists everything in Kubernetes' order", () => {
  const bare = { containers: [{ name: "web", image: "a" }], hostNetwork: true };
  expect(textOf(bare, "restricted")).toBe(
    'host namespaces (hostNetwork=true), allowPrivilegeEscalation != false (container "web" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "web" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "web" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "web" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  );
});

test("violationsOf() reads AppArmor's annotations", () => {
  const annotations = { "container.apparmor.security.beta.kubernetes.io/web": "unconfined" };
  expect(textOf(one, "baseline", Infinity, annotations)).toMatch(
    /^forbidden AppArmor profile \(annotation must not set AppArmor profile type to/,
  );
});
