import { expect } from "vitest";
import { manifests, pod } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

kubectlSuite("generators", (scenario) => {
  scenario("create namespace, configmap, secret and serviceaccount", async (kubectl) => {
    const extra = `${kubectl.namespace}-more`;
    expect(await kubectl.ok(["create", "namespace", extra])).toBe(`namespace/${extra} created\n`);
    const file = await kubectl.file("config.ini", "mode=slow\n");
    const map = ["create", "configmap", "map", `--from-file=${file}`, "--from-literal=a=1"];
    expect(await kubectl.ok(map)).toBe("configmap/map created\n");
    expect(JSON.parse(await kubectl.ok(["get", "cm", "map", "-o", "json"])).data).toEqual({
      "config.ini": "mode=slow\n",
      a: "1",
    });
    expect(await kubectl.fails(map)).toContain('configmaps "map" already exists');
    await kubectl.ok(["create", "secret", "generic", "pin", "--from-literal=pin=1234"]);
    await kubectl.ok([
      "create",
      "secret",
      "docker-registry",
      "reg",
      "--docker-server=r.example",
      "--docker-username=u",
      "--docker-password=p",
    ]);
    expect(await kubectl.ok(["get", "secrets", "pin", "reg", "--no-headers"])).toMatch(
      /^pin\s+Opaque\s+1\s+\d+s\nreg\s+kubernetes\.io\/dockerconfigjson\s+1\s+\d+s\n$/,
    );
    expect(await kubectl.ok(["get", "secret", "pin", "-o", "jsonpath={.data.pin}"])).toBe(
      "MTIzNA==",
    );
    expect(
      await kubectl.ok(["get", "secrets", "--field-selector=type=Opaque", "-o", "name"]),
    ).toContain("secret/pin\n");
    expect(await kubectl.ok(["create", "sa", "robot"])).toBe("serviceaccount/robot created\n");
    expect(await kubectl.ok(["create", "cm", "dry", "--dry-run=server", "-o", "name"])).toBe(
      "configmap/dry\n",
    );
  });

  scenario("create role, clusterrole and their bindings", async (kubectl) => {
    const role = [
      "create",
      "role",
      "reader",
      "--verb=get,list",
      "--resource=pods,configmaps",
      "--resource-name=a",
    ];
    expect(await kubectl.ok(role)).toBe("role.rbac.authorization.k8s.io/reader created\n");
    expect(JSON.parse(await kubectl.ok(["get", "role", "reader", "-o", "json"])).rules).toEqual([
      {
        apiGroups: [""],
        resources: ["pods", "configmaps"],
        resourceNames: ["a"],
        verbs: ["get", "list"],
      },
    ]);
    await kubectl.ok([
      "create",
      "rolebinding",
      "readers",
      "--role=reader",
      "--user=jane",
      "--group=dev",
      `--serviceaccount=${kubectl.namespace}:robot`,
    ]);
    expect(await kubectl.ok(["get", "rolebinding", "readers", "-o", "wide"])).toMatch(
      /readers\s+Role\/reader\s+\d+s\s+jane\s+dev\s+\S+\/robot/,
    );
    const name = kubectl.namespace;
    await kubectl.ok(
      [
        "create",
        "clusterrole",
        name,
        "--verb=get",
        "--resource=nodes",
        "--non-resource-url=/metrics",
      ].slice(0, 5),
    );
    await kubectl.ok([
      "create",
      "clusterrolebinding",
      name,
      `--clusterrole=${name}`,
      "--user=jane",
    ]);
    expect(await kubectl.ok(["get", "clusterrolebinding", name])).toMatch(
      new RegExp(`${name}\\s+ClusterRole/${name}\\s+\\d+s`),
    );
    expect(await kubectl.ok(["describe", "role", "reader"])).toMatch(
      /pods\s+\[\]\s+\[a\]\s+\[get list\]/,
    );
    await kubectl.ok(["delete", "clusterrole,clusterrolebinding", name]);
  });

  scenario("run makes a pod", async (kubectl) => {
    expect(
      await kubectl.ok(["run", "one", "--image=web:1", "--labels=a=b", "--env=X=1", "--port=80"]),
    ).toBe("pod/one created\n");
    const { spec, metadata } = JSON.parse(await kubectl.ok(["get", "pod", "one", "-o", "json"]));
    expect([metadata.labels, spec.containers[0].image, spec.containers[0].env]).toEqual([
      { a: "b" },
      "web:1",
      [{ name: "X", value: "1" }],
    ]);
    expect(await kubectl.fails(["run", "one", "--image=web:1"])).toContain("already exists");
  });

  scenario(
    "create token gives a token that the server takes",
    async (kubectl, { url }) => {
      await kubectl.ok(["create", "sa", "robot"]);
      const token = (await kubectl.ok(["create", "token", "robot", "--duration=20m"])).trim();
      expect(token.split(".")).toHaveLength(3);
      const bare = await kubectl.file("bare", "apiVersion: v1\nkind: Config\n");
      const as = [
        `--kubeconfig=${bare}`,
        `--server=${url}`,
        "--insecure-skip-tls-verify",
        `--token=${token}`,
      ];
      expect(await kubectl.fails([...as, "get", "nodes"])).toContain(
        `User "system:serviceaccount:${kubectl.namespace}:robot" cannot list resource "nodes"`,
      );
      expect(await kubectl.fails(["create", "token", "nobody"])).toContain("not found");
    },
    { from: 24 },
  );

  scenario("auth can-i answers for oneself and for others", async (kubectl) => {
    expect(await kubectl.ok(["auth", "can-i", "create", "pods"])).toBe("yes\n");
    expect(await kubectl.ok(["auth", "can-i", "*", "*", "--all-namespaces"])).toBe("yes\n");
    const no = await kubectl.run(["auth", "can-i", "get", "secrets", "--as=jane"]);
    expect([no.code, no.stdout]).toEqual([1, expect.stringMatching(/^no/)]);
    await kubectl.ok(["create", "role", "reader", "--verb=get", "--resource=configmaps"]);
    await kubectl.ok(["create", "rolebinding", "readers", "--role=reader", "--user=jane"]);
    expect(await kubectl.ok(["auth", "can-i", "get", "cm", "--as=jane"])).toBe("yes\n");
    expect(
      (await kubectl.run(["auth", "can-i", "get", "cm", "-n", "default", "--as=jane", "-q"])).code,
    ).toBe(1);
    expect(await kubectl.ok(["auth", "can-i", "--list", "--as=jane"])).toMatch(
      /configmaps\s+\[\]\s+\[\]\s+\[get\]/,
    );
  });

  scenario(
    "auth whoami names the user",
    async (kubectl) => {
      expect(
        await kubectl.ok(["auth", "whoami", "-o", "jsonpath={.status.userInfo.groups}"]),
      ).toContain("system:masters");
      const jane = await kubectl.ok(["auth", "whoami", "--as=jane", "--as-group=dev"]);
      expect(jane).toMatch(
        /ATTRIBUTE\s+VALUE\nUsername\s+jane\nGroups\s+\[dev system:authenticated\]/,
      );
    },
    { from: 28 },
  );

  scenario("auth reconcile adds the rules that are missing", async (kubectl) => {
    const role = (verbs: readonly string[]): string =>
      manifests({
        apiVersion: "rbac.authorization.k8s.io/v1",
        kind: "Role",
        metadata: { name: "r", namespace: kubectl.namespace },
        rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
      });
    expect(await kubectl.ok(["auth", "reconcile", "-f", "-"], role(["get"]))).toContain(
      "role.rbac.authorization.k8s.io/r reconciled",
    );
    await kubectl.ok(["auth", "reconcile", "-f", "-"], role(["list"]));
    expect(await kubectl.ok(["get", "role", "r", "-o", "jsonpath={.rules[*].verbs}"])).toMatch(
      /list/,
    );
  });

  scenario("who may not is told so, in the words of Kubernetes", async (kubectl) => {
    expect(await kubectl.fails(["get", "pods", "--as=bob", "--as-group=dev"])).toBe(
      `Error from server (Forbidden): pods is forbidden: User "bob" cannot list resource "pods" in API group "" in the namespace "${kubectl.namespace}"\n`,
    );
    expect(await kubectl.fails(["get", "nodes", "--as=bob"])).toContain(
      'cannot list resource "nodes" in API group "" at the cluster scope',
    );
    expect(await kubectl.fails(["delete", "app", "web", "--as=bob"])).toContain(
      'applications.lighthouse.dev "web" is forbidden',
    );
  });

  scenario(
    "debug adds an ephemeral container, or copies the pod",
    async (kubectl) => {
      await kubectl.ok(["create", "-f", "-"], manifests(pod("web")));
      const added = await kubectl.run([
        "debug",
        "web",
        "--image=busybox:1",
        "-c",
        "look",
        "--attach=false",
        "--",
        "sh",
      ]);
      expect(added).toMatchObject({ code: 0 });
      expect(
        await kubectl.ok([
          "get",
          "pod",
          "web",
          "-o",
          "jsonpath={.spec.ephemeralContainers[*].name}",
        ]),
      ).toBe("look");
      const copied = await kubectl.run([
        "debug",
        "web",
        "--copy-to=web-2",
        "--image=busybox:1",
        "--attach=false",
        "--",
        "sh",
      ]);
      expect(copied).toMatchObject({ code: 0 });
      expect(
        await kubectl.ok(["get", "pod", "web-2", "-o", "jsonpath={.spec.containers[*].image}"]),
      ).toContain("busybox:1");
    },
    { from: 27 },
  );
});
