import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Engine } from "../../agent/engine/engine.ts";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { startApart } from "../kit/apart.ts";
import { type PrivateDockerd, privateDockerd } from "../kit/dockerd.ts";
import { makeTestImages } from "../kit/images.ts";
import { type Lighthouse, startLighthouse, type UpOptions } from "../kit/lighthouse.ts";
import type { Ran } from "../kit/run.ts";

/** One Docker host with the test images, and a Lighthouse on it. */
export type Site = AsyncDisposable & {
  readonly docker: PrivateDockerd;
  readonly engine: Engine;
  readonly dataDir: string;
  /** The running one; {@link Site.start} replaces it. */
  lighthouse: Lighthouse;
  /** Starts `lighthouse up` on the same data again. */
  start(more?: Partial<UpOptions>): Promise<Lighthouse>;
};

/** What a command printed that must succeed. @throws Error with all of it */
export async function must(running: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`It ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** What a site may have otherwise. */
export type SiteOptions = Partial<UpOptions> & {
  /** Server, controllers and agent are processes of their own. Default: `lighthouse up`. */
  readonly apart?: boolean;
};

/** Builds a site. `store` is for etcd; the default is the embedded store. */
export async function openSite({ apart, ...options }: SiteOptions = {}): Promise<Site> {
  await using cleanup = new AsyncDisposableStack();
  const docker = cleanup.use(await privateDockerd());
  const engine = cleanup.use(openEngine(docker.url));
  await makeTestImages(engine.images);
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-e2e-"));
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }));
  const start = (more: Partial<UpOptions> = {}): Promise<Lighthouse> =>
    (apart === true ? startApart : startLighthouse)({
      dataDir,
      docker: [docker.url],
      ...options,
      ...more,
    });
  const site: Site = {
    docker,
    engine,
    dataDir,
    lighthouse: await start(),
    async start(more) {
      site.lighthouse = await start(more);
      return site.lighthouse;
    },
    async [Symbol.asyncDispose]() {
      await site.lighthouse.stop();
      await owned.disposeAsync();
    },
  };
  const owned = cleanup.move();
  return site;
}

/** An Application for tests: quick windows, so that a rollout takes as long as its containers. */
export function manifest(name: string, image: string, over: Record<string, unknown> = {}): string {
  return JSON.stringify({
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, namespace: "default" },
    spec: {
      replicas: 3,
      template: {
        spec: {
          containers: [
            {
              name: "web",
              image,
              imagePullPolicy: "IfNotPresent",
              ports: [{ name: "http", containerPort: 80 }],
              readinessProbe: { httpGet: { port: "http" }, periodSeconds: 1 },
            },
          ],
        },
      },
      strategy: {
        batch: 1,
        minReadySeconds: 0,
        monitorSeconds: 1,
        progressDeadlineSeconds: 30,
        ...(over["strategy"] as object | undefined),
      },
      ...(over["spec"] as object | undefined),
    },
  });
}
