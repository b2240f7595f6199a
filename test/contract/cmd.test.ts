import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, inject, test } from "vitest";
import { skipReason } from "../kit/missing.ts";
import { gapOf } from "./kit/gaps.ts";
import { openKubectl } from "./kit/kubectl-client.ts";
import { clients, freshNamespace } from "./kit/suite.ts";
import { runTestScript, skipOf } from "./kit/test-script.ts";

/** Our own scripts in the form of Kubernetes' test/cmd, played by the newest kubectl there is. */
const folder = join(import.meta.dirname, "cmd");
const scripts = readdirSync(folder).filter((name) => name.endsWith(".txtar"));
const client = clients.at(-1);
const missing = client === undefined ? "no kubectl on PATH" : undefined;

const textOf = (file: string): string => readFileSync(join(folder, file), "utf8");

async function play(file: string): Promise<void> {
  const site = inject("site");
  if (client === undefined) return;
  const base = file.replace(".txtar", "").replaceAll(/[^a-z]+/g, "-");
  const namespace = await freshNamespace(site, `cmd-${base}`);
  const kubectl = await openKubectl(site, client, namespace);
  try {
    await runTestScript(file, textOf(file), kubectl, { NODE: site.node, SERVER: site.url });
  } finally {
    kubectl.close();
  }
}

describe.skipIf(skipReason("scripts of kubectl", missing))("cmd", () => {
  for (const file of scripts) {
    const minor = Number(client?.minor?.slice(2) ?? "99");
    const skip = skipOf(textOf(file), minor);
    const reason = gapOf(`cmd: ${file}`, minor);
    const played = reason === undefined ? test.concurrent : test.concurrent.fails;
    const register = skip === undefined ? played : test.concurrent.skip;
    const title = [file, skip, reason && `expected failure: ${reason}`].filter(Boolean).join(", ");
    register(title, () => play(file));
  }
});
