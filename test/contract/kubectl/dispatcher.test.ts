import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, inject, test } from "vitest";
import { kubectls } from "../../kit/kubectl.ts";
import { run } from "../../kit/run.ts";

/** Google's SDK lays a `kubectl` beside the versioned ones that picks by the server's /version. */
const beside = kubectls()
  .map(({ path }) => join(dirname(path), "kubectl"))
  .find((path) => path.includes("google-cloud-sdk") && existsSync(path));

test.skipIf(beside === undefined)("the dispatcher picks the kubectl of our version", async () => {
  const { kubeconfig, folder } = inject("site");
  const env = { KUBECONFIG: kubeconfig, HOME: join(folder, "home", "dispatcher") };
  const ran = await run([beside ?? "", "version", "-o", "json"], { env });
  expect([ran.code, ran.stderr]).toEqual([0, expect.not.stringContaining("WARNING")]);
  const { clientVersion, serverVersion } = JSON.parse(ran.stdout);
  expect(clientVersion.minor).toMatch(new RegExp(`^${serverVersion.minor}`));
});
