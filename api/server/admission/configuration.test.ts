import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readAdmissionConfiguration } from "./configuration.ts";
import { defaultAdmission } from "./settings.ts";

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n";

async function read(plugins: string, other = "") {
  const folder = await mkdtemp(join(tmpdir(), "lighthouse-admission-"));
  try {
    await writeFile(join(folder, "other.yaml"), other);
    await writeFile(join(folder, "admission.yaml"), `${head}${plugins}`);
    return await readAdmissionConfiguration(join(folder, "admission.yaml"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

const podSecurity = `apiVersion: pod-security.admission.config.k8s.io/v1
kind: PodSecurityConfiguration
defaults: {enforce: restricted, enforce-version: v1.30, warn: restricted}
exemptions: {namespaces: [legacy]}
`;

test("readAdmissionConfiguration() reads Kubernetes' format, inline and from files beside it", async () => {
  const settings = await read(
    `- {name: PodSecurity, path: other.yaml}
- name: EventRateLimit
  configuration:
    apiVersion: eventratelimit.admission.k8s.io/v1alpha1
    kind: Configuration
    limits: [{type: User, qps: 10, burst: 50}]
- name: ImagePolicy
  configuration:
    apiVersion: lighthouse.dev/v1
    kind: ImagePolicyConfiguration
    allowed: [docker.io/library]
`,
    podSecurity,
  );
  expect(settings).toEqual({
    podSecurity: {
      defaults: {
        enforce: { level: "restricted", minor: 30 },
        audit: { level: "privileged", minor: Infinity },
        warn: { level: "restricted", minor: Infinity },
      },
      exemptions: { usernames: [], runtimeClasses: [], namespaces: ["legacy"] },
    },
    eventLimits: [{ type: "User", qps: 10, burst: 50, cacheSize: 4_096 }],
    images: { allowed: ["docker.io/library"], requireDigest: false, exemptNamespaces: [] },
  });
});

test("readAdmissionConfiguration() leaves the rest as it is without a file", async () => {
  expect(await read("  []\n")).toEqual(defaultAdmission);
});

test.each([
  ["no such file", "- {name: PodSecurity, path: missing.yaml}\n", "", /Cannot read .*ENOENT/],
  ["another plug-in", "- {name: AlwaysPullImages, configuration: {}}\n", "", /only PodSecurity/],
  ["neither", "- {name: PodSecurity}\n", "", /exactly one of path and configuration/],
  [
    "a level",
    "- {name: PodSecurity, path: other.yaml}\n",
    podSecurity.replace("enforce: restricted", "enforce: strict"),
    /must be one of privileged, baseline, restricted/,
  ],
  [
    "a registry",
    "- {name: ImagePolicy, path: other.yaml}\n",
    "apiVersion: lighthouse.dev/v1\nkind: ImagePolicyConfiguration\nallowed: [nginx]\n",
    /must begin with a registry/,
  ],
  ["YAML", "- {name: ImagePolicy, path: other.yaml}\n", "a: [", /Cannot read/],
  [
    "a name twice",
    "- {name: PodSecurity, path: other.yaml}\n- {name: PodSecurity, path: other.yaml}\n",
    podSecurity,
    /is there twice/,
  ],
])("readAdmissionConfiguration() says what is wrong: %s", async (_what, plugins, other, why) => {
  await expect(read(plugins, other)).rejects.toThrow(why);
});
