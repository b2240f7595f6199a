import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type OwnedClient } from "../../../api/client/create-client.ts";
import { createInformer } from "../../../api/client/shared-informer.ts";
import { loadKubeconfig } from "../../../api/client/kubeconfig.ts";
import { pods } from "../../../api/machinery/resources.ts";
import { systemClock } from "../../../controllers/runtime/system-clock.ts";
import { beaconKubeconfig } from "../../kit/beacon-access.ts";
import { freePort } from "../../kit/free-port.ts";
import { testImages } from "../../kit/images.ts";
import { type Lighthouse, startLighthouse } from "../../kit/lighthouse.ts";
import { createLedger, type Ledger } from "../ledger.ts";
import { logOf } from "../parts.ts";
import {
  type FaultyApi,
  type Host,
  leaderOf,
  type Pace,
  type Part,
  untilReady,
  type World,
} from "../stage.ts";
import { type DockerEngine, startDockerEngine } from "./engine.ts";
import { type Network, openNetwork, type Place } from "../../kit/namespaces.ts";

const program = join(import.meta.dirname, "..", "..", "..", "cli", "lighthouse.mjs");
const hostCount = 3;

const pace: Pace = {
  realMs: (ms) => ms,
  patienceMs: (ms) => Math.ceil(ms / 2),
  faultMs: [500, 3_000, 8_000],
  silenceMs: 50_000,
  monitorSeconds: 4,
  longMonitorSeconds: 20,
};

/** Starts `lighthouse` as a process of its own in a network namespace. */
function startPart(place: Place, args: readonly string[]): Part {
  const argv = [`--net=/run/netns/${place.namespace}`, process.execPath, program, ...args];
  const shown = process.env["FAULTS_LOG"] !== undefined;
  const child: ChildProcess = spawn("setpriv", ["--pdeathsig", "KILL", "nsenter", ...argv], {
    stdio: ["ignore", shown ? "inherit" : "ignore", shown ? "inherit" : "ignore"],
  });
  const ended = once(child, "exit");
  const kill = (): void => void child.kill("SIGKILL"); // a no-op for one that has ended
  return {
    link: place.cable,
    kill,
    async [Symbol.asyncDispose]() {
      kill();
      if (child.exitCode === null && child.signalCode === null) await ended;
    },
  };
}

/** The API server as a process, always at the same address and over the same data. */
class ServerProcess implements FaultyApi, AsyncDisposable {
  readonly #dataDir: string;
  readonly #listen: string;
  readonly #waiting = new Map<string, () => Promise<void>>();
  #running: Lighthouse | undefined;
  #ending: Promise<unknown> = Promise.resolve();

  constructor(dataDir: string, listen: string) {
    this.#dataDir = dataDir;
    this.#listen = listen;
  }

  async start(): Promise<void> {
    await this.#ending; // its port is free then
    const options = { dataDir: this.#dataDir, listen: this.#listen, docker: [] };
    this.#running = await startLighthouse({ ...options, command: "server" });
  }

  kill(): void {
    this.#ending = this.#running?.stop("SIGKILL") ?? Promise.resolve();
    this.#running = undefined;
  }

  onDelete(pod: string, act: () => Promise<void>): void {
    this.#waiting.set(pod, act);
  }

  /** Somebody deletes the pod: who waits for that acts now. */
  tell(pod: string): void {
    const act = this.#waiting.get(pod);
    this.#waiting.delete(pod);
    void act?.(); // it tells its own failures
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#ending;
  }
}

/** Follows pods, to tell of those that are deleted. */
function followDeletes(client: OwnedClient, api: ServerProcess): AsyncDisposable {
  const end = new AbortController();
  const informer = createInformer({
    client,
    type: pods,
    clock: systemClock,
    log: logOf("deletes"),
  });
  informer.onChange((change) => {
    const pod = change.type === "deleted" ? change.before : change.after;
    const isGoing = change.type === "deleted" || pod.metadata.deletionTimestamp !== undefined;
    if (isGoing) api.tell(pod.metadata.name);
  });
  const running = informer.run(end.signal);
  return {
    async [Symbol.asyncDispose]() {
      end.abort();
      await running;
    },
  };
}

type DockerHost = Host & {
  readonly engine: DockerEngine;
  readonly place: Place;
  /** Path of the credentials of its agent. */
  readonly kubeconfig: string;
};

/** What the parts of a world are started with. */
type Setting = {
  readonly network: Network;
  readonly ledger: Ledger;
  readonly stack: AsyncDisposableStack;
  readonly dataDir: string;
  /** URL of the API server. */
  readonly server: string;
};

const agentArgs = (kubeconfig: string, name: string, { url }: DockerEngine): readonly string[] => [
  "agent",
  `--kubeconfig=${kubeconfig}`,
  `--beacon=${name}`,
  `--docker=${url}`,
];

async function startForeign({ engine }: DockerEngine): Promise<string> {
  const id = await engine.containers.create("foreign", { Image: testImages.web });
  await engine.containers.start(id);
  return id;
}

async function startHost(number: number, setting: Setting): Promise<DockerHost> {
  const { network, ledger, stack, dataDir, server } = setting;
  const name = `host-${number}`;
  const place = await network.join();
  const engine = stack.use(await startDockerEngine(place, number, (change) => ledger.take(change)));
  const foreign = await startForeign(engine);
  const kubeconfig = await beaconKubeconfig(dataDir, server, name);
  const host: DockerHost = {
    name,
    place,
    engine,
    foreign,
    kubeconfig,
    agent: startPart(place, agentArgs(kubeconfig, name, engine)),
  };
  stack.defer(() => host.agent[Symbol.asyncDispose]());
  return host;
}

function controllerStarter({ network, dataDir, stack }: Setting): () => Promise<Part> {
  const kubeconfig = join(dataDir, "pki", "controllers.kubeconfig");
  return async () =>
    stack.use(startPart(await network.join(), ["controllers", `--kubeconfig=${kubeconfig}`]));
}

/** Starts three dockerds as hosts of their own, and every part as a process. Needs root. */
export async function openDockerWorld(): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "lighthouse-faults-"));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const network = stack.use(await openNetwork());
  const api = stack.use(new ServerProcess(dataDir, `${network.address}:${await freePort()}`));
  await api.start();
  const { config } = await loadKubeconfig({ path: join(dataDir, "kubeconfig") });
  const client = stack.use(createClient(config));
  stack.use(followDeletes(client, api));
  const parts = stack.use(new AsyncDisposableStack());
  const setting: Setting = {
    network,
    ledger: createLedger(),
    stack: parts,
    dataDir,
    server: config.server,
  };
  const hosts = await Promise.all([1, 2, 3].map((number) => startHost(number, setting)));
  const startControllers = controllerStarter(setting);
  const world: World = {
    pace,
    api,
    hosts,
    ledger: setting.ledger,
    client,
    controllers: await startControllers(),
    containers: () => hosts.flatMap(({ engine }) => engine.containers()),
    imageOf: (_application, version) => (version === 1 ? testImages.web : testImages.web2),
    leader: () => leaderOf(client),
    async replaceAgent(host) {
      const own = hosts.find(({ name }) => name === host.name);
      if (own === undefined) throw new Error(`Host ${host.name} is none of this world`);
      await own.agent[Symbol.asyncDispose]();
      own.agent = startPart(own.place, agentArgs(own.kubeconfig, own.name, own.engine));
    },
    async replaceControllers() {
      const old = world.controllers;
      world.controllers = await startControllers();
      return old;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
  const owned = stack.move();
  try {
    await untilReady(client, hostCount);
  } catch (err) {
    await world[Symbol.asyncDispose]();
    throw err;
  }
  return world;
}
