import { join } from "node:path";
import type { OwnedClient } from "../../api/client/create-client.ts";
import { isInvalid } from "../../api/machinery/errors.ts";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import type { AnyObject, Draft } from "../../api/machinery/object.ts";
import { applications, nodes } from "../../api/machinery/resources.ts";
import { annotation, label } from "../../crds/labels.ts";
import type { RolloutPhase } from "../../crds/types.gen.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { anyKubectl } from "../../test/kit/kubectl.ts";
import { mustRun, type Ran, run } from "../../test/kit/run.ts";
import type { BenchHosts } from "./hosts.ts";
import { type PartProcess, startPart } from "./part-process.ts";
import type { RawSpec } from "./raw-engine.ts";
import { runningVersions } from "./swarm-mode.ts";
import { type Stand, type System, versions, type Wish } from "./system.ts";
import { allowHostNetwork, clientOf } from "./world.ts";

const program = join(import.meta.dirname, "..", "..", "cli", "lighthouse.mjs");
const namespace = "default";
/** As users write them: the server fills in the defaults. */
const sent: ResourceType = applications;

/** The Application that a wish asks for. */
export function applicationOf(
  wish: Wish,
  network: RawSpec["network"] = "bridge",
): Draft<AnyObject> {
  const {
    name,
    version,
    image = versions[version],
    replicas,
    batch = 1,
    monitorSeconds,
    deadlineSeconds,
  } = wish;
  const { nowhere, onFailure = "rollback", hostPort } = wish;
  const port = hostPort === undefined ? {} : { ports: [{ containerPort: 80, hostPort }] };
  const window =
    monitorSeconds === undefined ? {} : { minReadySeconds: 0, monitorSeconds: monitorSeconds };
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, namespace },
    spec: {
      ...(replicas === "every host" ? { placement: { perNode: true } } : { replicas }),
      template: {
        spec: {
          terminationGracePeriodSeconds: 1,
          hostNetwork: network === "host",
          ...(nowhere === true ? { nodeSelector: { nowhere: "true" } } : {}),
          containers: [{ name: "web", image, imagePullPolicy: "IfNotPresent", ...port }],
        },
      },
      strategy: {
        batch,
        order: hostPort === undefined ? "StopFirst" : "StartFirst",
        onFailure: onFailure === "pause" ? "Pause" : "Rollback",
        ...window,
        ...(deadlineSeconds === undefined ? {} : { progressDeadlineSeconds: deadlineSeconds }),
      },
    },
  };
}

const stands: Readonly<Partial<Record<RolloutPhase, Stand>>> = {
  Completed: "completed",
  RolledBack: "rolled back",
  Paused: "paused",
  RollbackPaused: "paused",
};

/** Lighthouse over hosts: server and controllers on this machine, an agent on each host. */
export type LighthouseMode = System &
  AsyncDisposable & {
    readonly client: OwnedClient;
    /** Makes an Application, or gives it this spec. */
    send(draft: Draft<AnyObject>): Promise<unknown>;
    /** All processes of it. */
    pids(): readonly number[];
  };

/** The parts that decide; they start again on the same address and data. */
async function startDeciders(
  site: BenchHosts,
  dataDir: string,
  port: number,
): Promise<readonly PartProcess[]> {
  const listen = `${site.address}:${port}`;
  const kubeconfig = join(dataDir, "kubeconfig");
  const common = ["--log-level=warn", `--kubeconfig=${kubeconfig}`];
  const keys = join(dataDir, "encryption-keys.yaml");
  const places = [`--data-dir=${dataDir}`, `--encryption-keys=${keys}`];
  const server = await startPart({
    argv: [program, "server", ...places, `--listen=${listen}`, ...common],
    ready: /Lighthouse is ready/,
  });
  try {
    return [server, await startPart({ argv: [program, "controllers", ...common] })];
  } catch (err) {
    await server[Symbol.asyncDispose]();
    throw err;
  }
}

async function untilJoined(client: OwnedClient, count: number): Promise<void> {
  const isReady = async (): Promise<boolean> => {
    const { items } = await client.list(nodes, {});
    const ready = items.filter(({ status }) =>
      status?.conditions?.some((one) => one.type === "Ready" && one.status === "True"),
    );
    return ready.length === count;
  };
  await eventually(`${count} Nodes are ready`, isReady, { timeoutMs: 60_000, intervalMs: 200 });
}

/** The port of the server; a fixed one, so that it is found again after a crash. */
const serverPort = 16_443;

/** Starts Lighthouse over the hosts and waits until they have joined. */
export async function startLighthouseMode(
  site: BenchHosts,
  dataDir: string,
): Promise<LighthouseMode> {
  await using stack = new AsyncDisposableStack();
  let deciders = await startDeciders(site, dataDir, serverPort);
  stack.defer(async () => {
    for (const part of [...deciders].reverse()) await part[Symbol.asyncDispose]();
  });
  const kubeconfig = join(dataDir, "kubeconfig");
  const agents: PartProcess[] = [];
  for (const { name, namespace: space, dockerd } of site.hosts) {
    const flags = [`--kubeconfig=${kubeconfig}`, "--log-level=warn", `--beacon=${name}`];
    const argv = [program, "agent", ...flags, `--docker=${dockerd.url}`];
    agents.push(stack.use(await startPart({ namespace: space, argv })));
  }
  const client = stack.use(await clientOf(kubeconfig));
  await untilJoined(client, site.hosts.length);
  await allowHostNetwork(client);
  const env = { KUBECONFIG: kubeconfig };
  const cli = (...args: readonly string[]): Promise<Ran> =>
    run([process.execPath, program, ...args], { env });
  const kubectl = (...args: readonly string[]): Promise<string> =>
    mustRun([anyKubectl()?.path ?? "kubectl", ...args], { env });
  const nodeAt = async (host: number) => {
    const { items } = await client.list(nodes, {});
    const { url = "" } = site.hosts[host]?.dockerd ?? {};
    const found = items.find(({ metadata }) => metadata.annotations?.[annotation.endpoint] === url);
    if (found === undefined) throw new Error(`No Node is at ${url}`);
    return found;
  };
  const send = async (draft: Draft<AnyObject>): Promise<unknown> => {
    const key = { namespace, name: draft.metadata.name ?? "" };
    const known = await client.get(applications, key);
    return known === undefined
      ? client.create<AnyObject>(sent, draft)
      : client.patch(applications, key, { type: "merge", body: { spec: draft["spec"] } });
  };
  const apply = (wish: Wish): Promise<string | undefined> =>
    send(applicationOf(wish)).then(
      () => undefined,
      (err: unknown) => {
        if (err instanceof Error && isInvalid(err)) return err.message;
        throw err;
      },
    );
  const owned = stack.move();
  return {
    name: "Lighthouse",
    client,
    pids: () => [...deciders, ...agents].map(({ pid }) => pid),
    send,
    apply,
    async stand(name) {
      const app = await client.get(applications, { namespace, name });
      const { observedGeneration, rollout } = app?.status ?? {};
      if (rollout === undefined || observedGeneration !== app?.metadata.generation) return "going";
      return stands[rollout.phase] ?? "going";
    },
    running: (name, host) => runningVersions(site.hosts, `${label.application}=${name}`, host),
    async exitCodeOf(wish) {
      await apply(wish);
      return (await cli("rollout", "status", wish.name)).code;
    },
    async undo(name) {
      const undone = await cli("rollout", "undo", name);
      if (undone.code !== 0) throw new Error(`lighthouse rollout undo: ${undone.stderr}`);
      await cli("rollout", "status", name);
    },
    async isUp(host) {
      const { status } = await nodeAt(host);
      return (
        status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") === true
      );
    },
    async drain(host) {
      const { name } = (await nodeAt(host)).metadata;
      const flags = ["--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=50s"];
      await kubectl("drain", name, ...flags);
    },
    async undrain(host) {
      await kubectl("uncordon", (await nodeAt(host)).metadata.name);
    },
    async crash() {
      for (const part of deciders) await part.kill();
      deciders = await startDeciders(site, dataDir, serverPort);
    },
    async remove(name) {
      await client.delete(applications, { namespace, name });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
