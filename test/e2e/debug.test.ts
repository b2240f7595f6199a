import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { skipWithoutDockerd } from "../kit/dockerd.ts";
import { eventually } from "../kit/eventually.ts";
import { testImages } from "../kit/images.ts";
import { must, openSite, type Site } from "./site.ts";

const pod = JSON.stringify({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web" },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "app", image: testImages.web, imagePullPolicy: "IfNotPresent" }],
  },
});

describe.skipIf(skipWithoutDockerd())("kubectl debug on a real host", () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
    const { kubectl } = site.lighthouse;
    await must(kubectl(["apply", "-f", "-"], { stdin: pod }));
    await must(kubectl(["wait", "--for=condition=Ready", "pod/web", "--timeout=30s"]));
  });
  afterAll(async () => {
    await site[Symbol.asyncDispose]();
  });

  test("an ephemeral container sees the processes and the network of its target", async () => {
    const { kubectl } = site.lighthouse;
    // Both must name what belongs to the other container.
    const script = "ps; cat /proc/1/cmdline | tr '\\0' ' '; echo; hostname; sleep 300";
    await must(
      kubectl([
        "debug",
        "web",
        `--image=${testImages.web}`,
        "--image-pull-policy=IfNotPresent",
        "--target=app",
        "--container=dbg",
        "--attach=false",
        "--",
        "sh",
        "-c",
        script,
      ]),
    );
    const running = "jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}";
    await eventually(
      "the debugger runs",
      async () => (await must(kubectl(["get", "pod", "web", "-o", running]))) !== "",
      { timeoutMs: 20_000 },
    );
    const first = await must(
      kubectl(["exec", "web", "-c", "app", "--", "sh", "-c", "cat /proc/1/cmdline"]),
    );
    const seen = await eventually("the debugger has looked around", async () => {
      const shown = await must(kubectl(["logs", "web", "-c", "dbg"]));
      return shown.includes("sleep 300") ? shown : undefined;
    });
    expect(seen).toContain(first.split("\0")[0]);
    const restarts = "jsonpath={.status.containerStatuses[0].restartCount}";
    expect(await must(kubectl(["get", "pod", "web", "-o", restarts]))).toBe("0");
    expect(await must(kubectl(["get", "pod", "web"]))).toMatch(/1\/1\s+Running/);
  });

  test("it goes with its pod", async () => {
    const { kubectl } = site.lighthouse;
    await must(kubectl(["delete", "pod", "web", "--timeout=30s"]));
    expect(await must(kubectl(["get", "pods"]))).not.toContain("web");
  });
});
