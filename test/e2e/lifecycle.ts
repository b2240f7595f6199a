import { expect, test } from "vitest";
import { annotation } from "../../crds/labels.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { manifest, type Site } from "./site.ts";

type Json = Readonly<Record<string, unknown>>;
type App = {
  readonly metadata: { readonly uid: string; readonly generation: number };
  readonly spec: { readonly replicas: number; readonly template: Json };
  readonly status: {
    readonly ready: string;
    readonly currentRevision: string;
    readonly rollout: { readonly phase: string };
  };
};

/** Waits until the checks hold. */
const settles = (why: string, check: () => Promise<unknown>): Promise<true> =>
  eventually(
    why,
    async () => {
      await check();
      return true as const;
    },
    { timeoutMs: 30_000, intervalMs: 100 },
  );

/** The life of an Application as a user drives it, on whatever store the site has. */
export function lifecycleTests(site: () => Site): void {
  const kubectl = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await site().lighthouse.kubectl(args, { timeoutMs: 90_000 });
    if (code !== 0)
      throw new Error(`kubectl ${args.join(" ")} ended with ${code}\n${stderr}${stdout}`);
    return stdout;
  };
  const cli = (args: readonly string[], stdin = ""): ReturnType<Site["lighthouse"]["cli"]> =>
    site().lighthouse.cli(args, { stdin, timeoutMs: 90_000 });
  const app = async (name: string): Promise<App> =>
    JSON.parse(await kubectl("get", "application", name, "-o", "json")) as App;
  const running = async (name: string): Promise<readonly string[]> =>
    (await site().engine.containers.list({ "lighthouse.dev/application": name }))
      .filter(({ phase }) => phase === "running")
      .map(({ id, image }) => `${image} ${id}`)
      .toSorted();

  test("kubectl apply rolls out, and every view of it works", async () => {
    const applied = await site().lighthouse.kubectl(["apply", "-f", "-"], {
      stdin: manifest("web", testImages.web),
    });
    expect(applied).toMatchObject({ code: 0, stdout: "application.lighthouse.dev/web created\n" });
    await kubectl("wait", "--for=condition=Ready", "application/web", "--timeout=60s");
    expect(await running("web")).toHaveLength(3);
    const all = await kubectl("get", "applications,revisions,pods,nodes", "-o", "wide");
    expect(all).toMatch(/application\.lighthouse\.dev\/web\s+3\/3/);
    expect(all).toMatch(/pod\/web-\S+\s+1\/1\s+Running/);
    expect(all).toMatch(/node\/\S+\s+Ready/);
    expect(await kubectl("describe", "application", "web")).toContain("Completed");
    const explained = await kubectl("explain", "application.spec.strategy");
    expect(explained).toContain("progressDeadlineSeconds");
    expect(await kubectl("get", "app,rev", "-o", "name")).toMatch(
      /^application\.lighthouse\.dev\/web\nrevision\.lighthouse\.dev\/web-\S+\n$/,
    );
  });

  test("kubectl get -w shows changes", async () => {
    const watching = site().lighthouse.kubectl(
      ["get", "application", "web", "-w", "--request-timeout=8s"],
      { timeoutMs: 20_000 },
    );
    await kubectl("annotate", "application", "web", "example.dev/touched=yes");
    await kubectl("label", "application", "web", "tier=front");
    const { stdout } = await watching;
    expect(stdout.split("\n").filter((line) => line.startsWith("web ")).length).toBeGreaterThan(1);
  });

  test("kubectl scale touches only the delta", async () => {
    const before = await running("web");
    await kubectl("scale", "application/web", "--replicas=5");
    await settles("five run", async () => expect(await running("web")).toHaveLength(5));
    await kubectl("wait", "--for=condition=Ready", "application/web", "--timeout=60s");
    expect(await running("web")).toEqual(expect.arrayContaining([...before]));
    await kubectl("scale", "application/web", "--replicas=3");
    await settles("three run", async () => expect(await running("web")).toHaveLength(3));
  });

  test("a container that somebody removes is replaced", async () => {
    const [victim] = await running("web");
    const id = victim?.split(" ")[1] ?? "";
    await site().engine.containers.remove(id, { force: true });
    await settles("the removed container is replaced", async () => {
      const now = await running("web");
      expect(now).toHaveLength(3);
      expect(now.join()).not.toContain(id);
    });
    await kubectl("wait", "--for=condition=Ready", "application/web", "--timeout=30s");
  });

  test("a new image replaces every container, and logs show it", async () => {
    const code = await cli(["apply", "-f", "-", "--wait"], manifest("web", testImages.web2));
    expect(code).toMatchObject({ code: 0 });
    const images = (await running("web")).map((line) => line.split(" ")[0]);
    expect(images).toEqual([testImages.web2, testImages.web2, testImages.web2]);
    const history = await cli(["rollout", "history", "web"]);
    expect(history.stdout).toMatch(/2\*\s+web-\S+\s+Active[\s\S]*1\s+web-\S+\s+Superseded/);
    expect((await cli(["logs", "app/web"])).code).toBe(0);
  });

  test("an image that exits at once ends RolledBack, spec untouched, every slot on the old one", async () => {
    const before = await app("web");
    const kept = await running("web");
    const broken = await cli(["apply", "-f", "-", "--wait"], manifest("web", testImages.crash));
    expect(broken.code).toBe(1);
    expect(broken.stdout).toContain("rolled back");
    const after = await app("web");
    expect(after.status.rollout.phase).toBe("RolledBack");
    expect(after.status.currentRevision).toBe(before.status.currentRevision);
    expect(JSON.stringify(after.spec.template)).toContain(testImages.crash);
    await kubectl("wait", "--for=condition=RolledBack", "application/web", "--timeout=5s");
    await settles("every slot is back", async () => {
      const images = (await running("web")).map((line) => line.split(" ")[0]);
      expect(images).toEqual([testImages.web2, testImages.web2, testImages.web2]);
    });
    // Two of three were never touched: a batch is one slot.
    expect((await running("web")).filter((line) => kept.includes(line)).length).toBeGreaterThan(1);
    await settles("no container of the failed one stays", async () => {
      const all = await site().engine.containers.list({ "lighthouse.dev/application": "web" });
      expect(all).toHaveLength(3);
    });
  });

  test("rollout undo brings the running version back into the spec", async () => {
    expect(await cli(["rollout", "undo", "web"])).toMatchObject({ code: 0 });
    expect(await cli(["rollout", "status", "web"])).toMatchObject({ code: 0 });
    expect(JSON.stringify((await app("web")).spec.template)).toContain(testImages.web2);
  });

  test("a foreign container with a clashing name survives and is named", async () => {
    const { containers } = site().engine;
    const [ours] = await containers.list({ "lighthouse.dev/application": "web" });
    const name = ours?.name ?? "";
    await site().lighthouse.stop();
    await containers.remove(ours?.id ?? "", { force: true });
    const foreign = await containers.create(name, { Image: testImages.web, Cmd: ["sleep", "600"] });
    await containers.start(foreign);
    await site().start();
    await settles("the clash is named", async () => {
      const { stdout } = await cli(["describe", "app", "web"]);
      expect(stdout).toContain(name);
    });
    expect((await containers.inspect(foreign))?.state.phase).toBe("running");
    await containers.remove(foreign, { force: true });
    await settles("the slot recovers", async () => {
      expect((await cli(["get", "app", "web"])).stdout).toMatch(/3\/3/);
    });
    await kubectl("delete", "application", "web", "--timeout=60s");
  });

  test("delete takes containers and Revisions with it", async () => {
    await cli(["apply", "-f", "-", "--wait"], manifest("gone", testImages.web));
    await kubectl("delete", "application", "gone", "--timeout=60s");
    await settles("nothing of it is left", async () => {
      expect(await kubectl("get", "revisions,pods", "-o", "name")).toBe("");
      const left = await site().engine.containers.list({ "lighthouse.dev/application": "gone" });
      expect(left).toEqual([]);
    });
  });

  test("annotations of the design reach the pods", async () => {
    await cli(["apply", "-f", "-", "--wait"], manifest("marks", testImages.web));
    const pods = await kubectl(
      "get",
      "pods",
      "-l",
      "lighthouse.dev/application=marks",
      "-o",
      "json",
    );
    expect(pods).toContain(annotation.desiredState);
    await kubectl("delete", "application", "marks", "--timeout=60s");
  });
}
