import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { namespaces } from "../../api/machinery/resources.ts";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { privateDockerd } from "../../test/kit/dockerd.ts";
import { type Lighthouse, startLighthouse } from "../../test/kit/lighthouse.ts";
import { makeImage } from "../docker/example-images.ts";
import { openRawEngine, type RawEngine } from "./raw-engine.ts";

/** The image of all bench containers: one process that waits, and ends at once when asked to. */
export const benchImage = "lighthouse.bench/idle:v1";

const idle = 'trap "exit 0" TERM INT\nsleep 1000000 &\nwait $!';

/** A temporary directory that goes with its owner. */
export async function scratchDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "lighthouse-bench-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A client with the rights of the kubeconfig. */
export async function clientOf(kubeconfig: string): Promise<OwnedClient> {
  const { config } = await loadKubeconfig({ path: kubeconfig });
  return createClient({ ...config, userAgent: "lighthouse-bench" });
}

/** Lets Pods of the namespace default be on the network of their host, which bridges would slow down. */
export async function allowHostNetwork(client: Pick<OwnedClient, "patch">): Promise<void> {
  const labels = { "pod-security.kubernetes.io/enforce": "privileged" };
  const patch = { type: "merge", body: { metadata: { labels } } } as const;
  await client.patch(namespaces, { name: "default" }, patch);
}

/** One private engine with the bench image, and `lighthouse up` on it. */
export type World = AsyncDisposable & {
  readonly engine: RawEngine;
  readonly client: OwnedClient;
  readonly dataDir: string;
  lighthouse(): Lighthouse;
  /** Ends `lighthouse up` and starts it again on the same data. */
  restart(): Promise<Lighthouse>;
};

/** Starts a {@link World}; disposing of it leaves nothing behind. Needs root and dockerd. */
export async function startWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const dir = stack.use(await scratchDir());
  const dockerd = stack.use(await privateDockerd());
  const images = stack.use(openEngine(dockerd.url)).images;
  await makeImage(images, benchImage, { script: idle, version: "v1" });
  const options = { dataDir: dir.path, docker: [dockerd.url] };
  let lighthouse = await startLighthouse(options);
  stack.defer(() => lighthouse[Symbol.asyncDispose]());
  const client = stack.use(await clientOf(lighthouse.kubeconfig));
  await allowHostNetwork(client);
  const engine = stack.use(openRawEngine(dockerd.url));
  const owned = stack.move();
  return {
    engine,
    client,
    dataDir: dir.path,
    lighthouse: () => lighthouse,
    async restart() {
      const listen = new URL(lighthouse.url).host;
      await lighthouse.stop();
      lighthouse = await startLighthouse({ ...options, listen });
      return lighthouse;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
