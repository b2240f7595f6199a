import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Env, startEnv } from "../kit/env.ts";
import { kubectls } from "../kit/kubectl.ts";
import { skipReason } from "../kit/missing.ts";
import { type Ran, run } from "../kit/run.ts";

const clients = kubectls().filter(({ minor }) => minor === "1.27" || minor === "1.33");
const missing = clients.length === 0 ? "kubectl 1.27 and 1.33 are not there" : undefined;

const root = {
  containers: [{ name: "web", image: "web:v1", securityContext: { privileged: true } }],
};

const policy = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicy",
  metadata: { name: "team.example.com" },
  spec: {
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: [""],
          apiVersions: ["v1"],
          operations: ["CREATE", "UPDATE"],
          resources: ["configmaps"],
        },
      ],
    },
    validations: [{ expression: "'team' in object.metadata.?labels.orValue({})" }],
  },
};

const binding = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "ValidatingAdmissionPolicyBinding",
  metadata: { name: "team.example.com" },
  spec: {
    policyName: "team.example.com",
    validationActions: ["Deny"],
    matchResources: {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "shop" } },
    },
  },
};

describe.skipIf(skipReason("kubectl", missing))("kubectl and admission", () => {
  let env: Env;
  beforeAll(async () => {
    env = await startEnv();
  });
  afterAll(() => env.stop());

  describe.each(clients)("kubectl $minor", ({ path }) => {
    const kubectl = (args: readonly string[], stdin?: object): Promise<Ran> =>
      run([path, ...args], {
        env: { KUBECONFIG: env.kubeconfig },
        ...(stdin === undefined ? {} : { stdin: JSON.stringify(stdin) }),
      });
    const out = async (args: readonly string[], stdin?: object): Promise<string> => {
      const { code, stdout, stderr } = await kubectl(args, stdin);
      expect(`${code} ${stderr}`).toMatch(/^0 /);
      return stdout;
    };

    test("tells of pod security as Kubernetes does", async () => {
      await out(["create", "namespace", "shop"]);
      const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "bad" }, spec: root };
      const { code, stderr } = await kubectl(["-n", "shop", "apply", "-f", "-"], pod);
      expect(code).toBe(1);
      expect(stderr).toContain(
        'pods "bad" is forbidden: violates PodSecurity "baseline:latest": privileged (container "web" must not set securityContext.privileged=true)',
      );
      const label = "pod-security.kubernetes.io/enforce=";
      await out(["label", "namespace", "shop", `${label}privileged`]);
      await out(["-n", "shop", "apply", "-f", "-"], pod);
      const tight = await kubectl([
        "label",
        "namespace",
        "shop",
        `${label}baseline`,
        "--overwrite",
      ]);
      expect(tight.code).toBe(0);
      expect(tight.stderr).toContain(
        'existing pods in namespace "shop" violate the new PodSecurity enforce level "baseline:latest"',
      );
      expect(tight.stderr).toContain("bad: privileged");
    });

    test("makes, shows and obeys policies", async () => {
      await out(["apply", "-f", "-"], policy);
      await out(["apply", "-f", "-"], binding);
      expect(await out(["get", "validatingadmissionpolicies"])).toMatch(
        /NAME +VALIDATIONS +PARAMKIND +AGE\nteam\.example\.com +1 +<unset> /,
      );
      expect(await out(["get", "validatingadmissionpolicybindings"])).toMatch(
        /NAME +POLICYNAME +PARAMREF +AGE\nteam\.example\.com +team\.example\.com +<unset> /,
      );
      const described = await out(["describe", "validatingadmissionpolicy", "team.example.com"]);
      expect(described).toContain("Failure Policy:  Fail");
      expect(await out(["explain", "validatingadmissionpolicies.spec.validations"])).toContain(
        "messageExpression",
      );
      const { code, stderr } = await kubectl(["-n", "shop", "create", "configmap", "untold"]);
      expect(code).toBe(1);
      expect(stderr).toContain(
        "ValidatingAdmissionPolicy 'team.example.com' with binding 'team.example.com' denied request: failed expression: 'team' in object.metadata.?labels.orValue({})",
      );
      await out(["delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", "--all"]);
      await out(["delete", "namespace", "shop", "--wait=false"]);
      await out(["replace", "--raw", "/api/v1/namespaces/shop/finalize", "-f", "-"], {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "shop" },
        spec: {},
      });
      await kubectl(["-n", "shop", "delete", "pod", "bad", "--force", "--grace-period=0"]);
    });
  });
});
