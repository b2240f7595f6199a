import { type AgentOptions, runAgent } from "../../agent/main.ts";
import { localProvider } from "../../agent/discovery/local.ts";
import type { Engine } from "../../agent/engine/engine.ts";
import { openEngine } from "../../agent/engine/dockerode.ts";
import type { Streams } from "../../agent/serve.ts";
import { findCondition } from "../../api/machinery/conditions.ts";
import { namespaces, nodes, type Pod, pods } from "../../api/machinery/resources.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { annotation, containerLabel, type DesiredState } from "../../crds/labels.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { eventually } from "./eventually.ts";
import { type MemoryApi, memoryApi } from "./memory-api.ts";

/** A line that the agent logged. */
export type Logged = { readonly level: string; readonly message: string; readonly fields: object };

/** An agent in this process, over an API in memory and a real engine. */
export type AgentRig = {
  readonly api: MemoryApi;
  readonly engine: Engine;
  readonly streams: Map<string, Streams>;
  readonly logged: Logged[];
  /** Starts the agent; it runs until `stop`. */
  start(): void;
  stop(): Promise<void>;
  /** The one Node, once it is Ready. */
  node(): Promise<string>;
  close(): Promise<void>;
};

function collectingLog(into: Logged[]): Log {
  const at = (level: string) => (fields: object, message: string) => {
    into.push({ level, message, fields });
    if (process.env["AGENT_LOG"] !== undefined) console.log(level, message, fields);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

async function freshApi(): Promise<MemoryApi> {
  const api = memoryApi({ gracefulPods: true });
  await api.create(namespaces, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "kube-system" },
  });
  return api;
}

/** How a rig differs from the plain one. */
export type RigOptions = Pick<AgentOptions, "open" | "pulseMs" | "drivers" | "relayProgram"> & {
  /** Default: one with the Namespace kube-system alone. */
  readonly api?: MemoryApi;
};

/** A rig whose agent is yet to start. Without URLs it finds hosts by `drivers`. */
export async function agentRig(
  urls: readonly string[],
  options: RigOptions = {},
): Promise<AgentRig> {
  const { api: given, ...agent } = options;
  const api = given ?? (await freshApi());
  const engine = openEngine(urls[0] ?? "unix:///nowhere");
  const streams = new Map<string, Streams>();
  const logged: Logged[] = [];
  let end = new AbortController();
  let running: Promise<void> = Promise.resolve();
  const stop = async (): Promise<void> => {
    end.abort();
    await running;
  };
  return {
    api,
    engine,
    streams,
    logged,
    start() {
      end = new AbortController();
      running = runAgent(
        {
          ...agent,
          client: api,
          beacon: "local",
          version: "0.1.0",
          providers: urls.length === 0 ? [] : [localProvider({ urls })],
          clock: systemClock,
          log: collectingLog(logged),
          register: (nodeName, given) => {
            streams.set(nodeName, given);
            return () => void streams.delete(nodeName);
          },
        },
        end.signal,
      );
    },
    stop,
    node: () =>
      eventually("the Node is Ready", () => {
        const [node] = api.all(nodes);
        const ready = findCondition(node?.status?.conditions as never, "Ready");
        return ready?.status === "True" ? node?.metadata.name : undefined;
      }),
    async close() {
      await stop();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** How a test pod differs from the plain one. */
export type PodOptions = {
  readonly image: string;
  readonly node: string;
  /** Default `shop`. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<Pod["spec"]>;
  readonly container?: Partial<Pod["spec"]["containers"][number]>;
  readonly desired?: DesiredState;
  readonly replaces?: string;
};

/** Creates a pod that is bound already. */
export async function bindPod(api: MemoryApi, name: string, options: PodOptions): Promise<Pod> {
  const { image, node, namespace = "shop", labels = {} } = options;
  const { spec, container, desired, replaces } = options;
  return api.create(pods, {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace,
      name,
      labels,
      annotations: {
        ...options.annotations,
        ...(desired === undefined ? {} : { [annotation.desiredState]: desired }),
        ...(replaces === undefined ? {} : { [annotation.replaces]: replaces }),
      },
    },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 5,
      containers: [{ name: "app", image, imagePullPolicy: "IfNotPresent", ...container }],
      ...spec,
    },
  });
}

/** The pod as the API has it. */
export async function podOf(api: MemoryApi, name: string): Promise<Pod | undefined> {
  return api.get(pods, { namespace: "shop", name });
}

/** Whether a condition of the pod is True. */
export function is(pod: Pod | undefined, type: string): boolean {
  return (pod?.status?.conditions ?? []).some((one) => one.type === type && one.status === "True");
}

/** Waits until the pod is Ready. */
export async function untilReady(api: MemoryApi, name: string): Promise<Pod> {
  return eventually(`pod ${name} is Ready`, async () => {
    const pod = await podOf(api, name);
    return is(pod, "Ready") ? pod : undefined;
  });
}

/** Sets the desired state and who is replaced. */
export async function ask(api: MemoryApi, name: string, desired: DesiredState): Promise<void> {
  const body = { metadata: { annotations: { [annotation.desiredState]: desired } } };
  await api.patch(pods, { namespace: "shop", name }, { type: "merge", body });
}

/** The containers of a pod on the engine. */
export async function containersOf(engine: Engine, pod: Pod) {
  return engine.containers.list({ [containerLabel.podUid]: pod.metadata.uid });
}
