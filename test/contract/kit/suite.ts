import { randomBytes } from "node:crypto";
import { describe, inject, test } from "vitest";
import { type Kubectl, kubectls } from "../../kit/kubectl.ts";
import { skipReason } from "../../kit/missing.ts";
import { gapOf } from "./gaps.ts";
import { type KubectlClient, openKubectl } from "./kubectl-client.ts";
import { openRaw } from "./raw.ts";
import type { SiteAddress } from "./site.ts";

/** Which kubectls know what a scenario is about; both ends included, e.g. `{ from: 24 }`. */
export type Minors = { readonly from?: number; readonly to?: number };

/** What a scenario does with each kubectl. */
export type Scenario = (kubectl: KubectlClient, site: SiteAddress) => Promise<void>;

/** Registers one scenario. */
export type Register = (name: string, scenario: Scenario, minors?: Minors) => void;

/** While working on a scenario, `CONTRACT_KUBECTL=1.20,1.33` plays it with those alone. */
const wanted = process.env["CONTRACT_KUBECTL"]?.split(",");
/** The kubectls to play with, oldest first. */
export const clients: readonly Kubectl[] = kubectls().filter(
  ({ minor = "" }) => wanted?.includes(minor) ?? true,
);
const missing = clients.length === 0 ? "no kubectl on PATH (hack/test installs one)" : undefined;

/** Makes a namespace that nobody else has, and returns its name: `BASE-` and some letters. */
export async function freshNamespace(site: SiteAddress, base: string): Promise<string> {
  const name = `${base}-${randomBytes(3).toString("hex")}`;
  await using raw = await openRaw(site);
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const { code, text } = await raw.send("POST", "/api/v1/namespaces", { body });
  if (code !== 201) throw new Error(`Cannot create namespace ${name}: ${code} ${text}`);
  return name;
}

async function play(client: Kubectl, base: string, scenario: Scenario): Promise<void> {
  const site = inject("site");
  const minor = client.minor?.replace(".", "-") ?? "any";
  const namespace = await freshNamespace(site, `${base}-${minor}`);
  const kubectl = await openKubectl(site, client, namespace);
  try {
    await scenario(kubectl, site);
  } finally {
    kubectl.close();
  }
}

/**
 * Scenarios that every kubectl of this machine plays, each in a namespace of its own and several
 * at a time. `base` opens the namespaces' names. A scenario of `gaps` must fail.
 */
export function kubectlSuite(base: string, define: (scenario: Register) => void): void {
  describe.skipIf(skipReason(`kubectl ${base}`, missing))(`kubectl ${base}`, () => {
    describe.concurrent.each(clients)("$minor", (client) => {
      const minor = Number(client.minor?.slice(2) ?? "99");
      define((name, scenario, { from = 0, to = Infinity } = {}) => {
        if (minor < from || minor > to) return;
        const reason = gapOf(`${base}: ${name}`, minor);
        const body = (): Promise<void> => play(client, base, scenario);
        const [register, title] =
          reason === undefined
            ? [test, name]
            : [test.fails, `${name} (expected failure: ${reason})`];
        register(title, body);
      });
    });
  });
}
