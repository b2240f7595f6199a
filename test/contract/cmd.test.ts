import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, inject, test } from "vitest";
import { kubectls } from "../kit/kubectl.ts";
import { skipReason } from "../kit/missing.ts";
import { gapOf } from "./kit/gaps.ts";
import { openKubectl } from "./kit/kubectl-client.ts";
import { freshNamespace } from "./kit/suite.ts";
import { runTestScript } from "./kit/test-script.ts";

/** Our own scripts in the form of Kubernetes' test/cmd, played by the newest kubectl there is. */
const folder = join(import.meta.dirname, "cmd");
const scripts = readdirSync(folder).filter((name) => name.endsWith(".txtar"));
const client = kubectls().at(-1);
const missing = client === undefined ? "no kubectl on PATH" : undefined;

async function play(file: string): Promise<void> {
  const site = inject("site");
  if (client === undefined) return;
  const base = file.replace(".txtar", "").replaceAll(/[^a-z]+/g, "-");
  const namespace = await freshNamespace(site, `cmd-${base}`);
  const kubectl = await openKubectl(site, client, namespace);
  try {
    const text = await readFile(join(folder, file), "utf8");
    await runTestScript(file, text, kubectl, { NODE: site.node, SERVER: site.url });
  } finally {
    kubectl.close();
  }
}

describe.skipIf(skipReason("scripts of kubectl", missing))("cmd", () => {
  for (const file of scripts) {
    const reason = gapOf(`cmd: ${file}`, Number(client?.minor?.slice(2)));
    const [register, title] =
      reason === undefined
        ? [test.concurrent, file]
        : [test.concurrent.fails, `${file} (expected failure: ${reason})`];
    register(title, () => play(file));
  }
});
