import type { Client } from "../../api/client/client.ts";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import { type AnyObject, type Draft, keyOf } from "../../api/machinery/object.ts";
import { applications, pods } from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import type { Application } from "../../crds/types.gen.ts";
import { eventually } from "../../test/kit/eventually.ts";
import type { RawSpec } from "./raw-engine.ts";
import { benchImage, type World } from "./world.ts";

/** Applications as a user writes them: the server fills in the defaults. */
export const sentApplications: ResourceType = applications;

const timeoutMs = 120_000;

/** An Application that asks for nothing but speed. */
export function benchApplication(
  name: string,
  replicas: number,
  network: RawSpec["network"],
): Draft<AnyObject> {
  return {
    apiVersion: "lighthouse.dev/v1",
    kind: "Application",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      template: {
        spec: {
          hostNetwork: network === "host",
          terminationGracePeriodSeconds: 1,
          containers: [{ name: "idle", image: benchImage, imagePullPolicy: "IfNotPresent" }],
        },
      },
      strategy: { batch: "100%", minReadySeconds: 0, monitorSeconds: 0 },
    },
  };
}

/** Whether what is asked for now runs, and the rollout to it is over. */
function isReady({ metadata, status }: Application): boolean {
  if (status?.observedGeneration !== metadata.generation) return false;
  if (status?.rollout?.phase !== "Completed") return false;
  return status.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

function standOf({ status }: Application): string {
  const { ready = "nothing", rollout } = status ?? {};
  return `${ready} ready, ${rollout?.phase ?? "no rollout"} ${rollout?.progress ?? ""}`;
}

/** Resolves as soon as the Application of namespace default satisfies `is`. @throws Error in the end */
export async function untilApplication(
  client: Client,
  name: string,
  is: (app: Application) => boolean,
  patienceMs = timeoutMs,
): Promise<Application> {
  const app = await client.get(applications, { namespace: "default", name });
  if (app === undefined) throw new Error(`Application ${name} is gone`);
  if (is(app)) return app;
  const options = {
    namespace: "default",
    fieldSelector: `metadata.name=${name}`,
    resourceVersion: app.metadata.resourceVersion,
  };
  let last = app;
  for await (const frame of client.watch(applications, options, AbortSignal.timeout(patienceMs))) {
    if (frame.type !== "MODIFIED") continue;
    last = frame.object;
    if (is(last)) return last;
  }
  throw new Error(`Application ${name}: ${standOf(last)} after ${patienceMs / 1_000} s`);
}

/** Resolves as soon as what is asked for runs. @throws Error after `patienceMs`, by default 120 s */
export async function untilReady(client: Client, name: string, patienceMs?: number): Promise<void> {
  await untilApplication(client, name, isReady, patienceMs);
}

/** Deletes the Application and waits until its containers are gone. */
export async function removeApplication(world: World, name: string): Promise<void> {
  const { client, engine } = world;
  await client.delete(applications, { namespace: "default", name });
  const owned = { namespace: "default", labelSelector: `${label.application}=${name}` };
  for (const pod of (await client.list(pods, owned)).items) await client.delete(pods, keyOf(pod));
  await eventually(
    `the containers of ${name} are gone`,
    async () => (await engine.list(`${label.application}=${name}`)).length === 0,
    { timeoutMs, intervalMs: 200 },
  );
}
