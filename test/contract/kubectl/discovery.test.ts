import { expect } from "vitest";
import { gadgetCrd, manifests } from "../kit/manifests.ts";
import { kubectlSuite } from "../kit/suite.ts";

const line = (text: string, start: RegExp): string | undefined =>
  text.split("\n").find((one) => start.test(one));

kubectlSuite("discovery", (scenario) => {
  scenario("version tells client and server, and compares them", async (kubectl) => {
    const both = JSON.parse(await kubectl.ok(["version", "-o", "json"]));
    expect(both.clientVersion.minor).toMatch(new RegExp(`^${kubectl.minor}`));
    expect(both.serverVersion).toMatchObject({
      major: "1",
      minor: expect.stringMatching(/^\d+$/),
      gitVersion: expect.stringMatching(/^v1\.\d+\.\d+\+lighthouse\./),
      platform: expect.stringMatching(/^linux\//),
    });
    expect(await kubectl.ok(["version"])).toMatch(/Server Version: .*v1\.\d+/);
    // A client of another minor warns, and its own words say so.
    expect(await kubectl.fails(["version", "--match-server-version"])).toContain("version");
  });

  scenario("api-versions and api-resources list what is served", async (kubectl) => {
    const versions = (await kubectl.ok(["api-versions"])).trim().split("\n");
    expect(versions).toEqual(
      expect.arrayContaining([
        "apiextensions.k8s.io/v1",
        "coordination.k8s.io/v1",
        "lighthouse.dev/v1",
        "v1",
      ]),
    );
    const all = await kubectl.ok(["api-resources", "-o", "wide"]);
    expect(line(all, /^applications/)).toMatch(
      /^applications\s+app\s+lighthouse\.dev\/v1\s+true\s+Application\s/,
    );
    expect(line(all, /^configmaps/)).toMatch(/^configmaps\s+cm\s+v1\s+true\s+ConfigMap\s/);
    expect(line(all, /^nodes /)).toMatch(/^nodes\s+no\s+v1\s+false\s+Node\s/);
    expect(line(all, /^customresourcedefinitions/)).toMatch(/crd,crds\s+apiextensions/);
    const global = await kubectl.ok(["api-resources", "--namespaced=false", "-o", "name"]);
    expect(global.split("\n")).toEqual(expect.arrayContaining(["namespaces", "nodes"]));
    expect(global.split("\n")).not.toContain("pods");
    const ours = await kubectl.ok(["api-resources", "--api-group=lighthouse.dev", "-o", "name"]);
    expect(ours.trim().split("\n").toSorted()).toEqual([
      "applications.lighthouse.dev",
      "beacons.lighthouse.dev",
      "revisions.lighthouse.dev",
      "sessions.lighthouse.dev",
      "users.lighthouse.dev",
    ]);
    const listable = ["api-resources", "--verbs=list,get,watch", "--no-headers", "-o", "name"];
    expect((await kubectl.ok(listable)).split("\n")).toEqual(
      expect.arrayContaining(["pods", "secrets", "events"]),
    );
  });

  scenario(
    "api-resources selects by category and sorts",
    async (kubectl) => {
      const all = await kubectl.ok(["api-resources", "--categories=all", "-o", "name"]);
      expect(all.split("\n")).toEqual(
        expect.arrayContaining(["pods", "applications.lighthouse.dev"]),
      );
      const sorted = await kubectl.ok([
        "api-resources",
        "--api-group=lighthouse.dev",
        "--sort-by=kind",
        "-o",
        "name",
      ]);
      const plurals = sorted.split("\n").map((name) => name.split(".")[0]);
      expect(plurals).toEqual(["applications", "beacons", "revisions", "sessions", "users", ""]);
    },
    { from: 24 },
  );

  scenario("explain describes fields of our kinds and of built-in ones", async (kubectl) => {
    const app = await kubectl.ok(["explain", "application"]);
    expect(app).toMatch(/KIND:\s+Application\n/);
    expect(app).toMatch(/^\s+spec\t<Object>/m);
    const strategy = await kubectl.ok(["explain", "app.spec.strategy"]);
    expect(strategy).toContain("How a new Revision replaces the old one");
    expect(strategy).toMatch(/progressDeadlineSeconds\t<integer>/);
    expect(await kubectl.ok(["explain", "pods.spec.containers.ports"])).toMatch(
      /containerPort\t<integer>/,
    );
    expect(await kubectl.ok(["explain", "cm.data"])).toMatch(/<map\[string\]string>/);
    expect(await kubectl.ok(["explain", "crd.spec.names"])).toMatch(/shortNames\t<\[\]string>/);
    expect(await kubectl.ok(["explain", "pod", "--recursive"])).toMatch(
      /imagePullPolicy\t<string>/,
    );
    expect(await kubectl.fails(["explain", "app.spec.none"])).toContain("none");
    expect(await kubectl.fails(["explain", "unicorns"])).toContain("unicorns");
  });

  scenario(
    "explain reads OpenAPI v2 when it is told so",
    async (kubectl) => {
      const v2 = ["explain", "--output=plaintext-openapiv2"];
      expect(await kubectl.ok([...v2, "app.spec.placement"])).toMatch(/spreadBy\t<\[\]string>/);
      expect(await kubectl.ok([...v2, "secret"])).toMatch(/stringData\t<map\[string\]string>/);
    },
    { from: 27 },
  );

  scenario("explain knows a kind that was made a moment ago", async (kubectl) => {
    const group = `${kubectl.namespace}.example.com`;
    await kubectl.ok(["create", "-f", "-"], manifests(gadgetCrd(group)));
    const crd = `crd/gadgets.${group}`;
    await kubectl.ok(["wait", "--for=condition=Established", crd, "--timeout=20s"]);
    const kind = `gadgets.${group}`;
    const version = `--api-version=${group}/v1`;
    expect(await kubectl.ok(["explain", "gadgets", version])).toContain("A thing for tests.");
    expect(await kubectl.ok(["explain", "gadgets.spec", version])).toMatch(/size\t<integer>/);
    const name = await kubectl.ok(["api-resources", `--api-group=${group}`, "-o", "name"]);
    expect(name).toBe(`${kind}\n`);
    await kubectl.ok(["delete", crd]);
  });

  scenario("cluster-info names the control plane", async (kubectl, { url }) => {
    const text = await kubectl.ok(["cluster-info"]);
    expect(text).toMatch(/(control plane|master)/);
    expect(text).toContain(url);
  });

  scenario("cluster-info dump writes what there is", async (kubectl) => {
    const dump = ["cluster-info", "dump", "--namespaces", kubectl.namespace, "-o", "json"];
    expect(await kubectl.ok(dump)).toContain('"kind": "NodeList"');
  });
});
