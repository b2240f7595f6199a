import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Engine } from "../../../agent/engine/engine.ts";
import { openEngine } from "../../../agent/engine/dockerode.ts";
import type { ContainerChange, ContainerState } from "../../../agent/simulated/simulated-engine.ts";
import { makeTestImages } from "../../kit/images.ts";
import { type PrivateDockerd, privateDockerd } from "../../kit/dockerd.ts";
import { eventually } from "../../kit/eventually.ts";
import type { FaultyEngine } from "../stage.ts";
import type { Place } from "../../kit/namespaces.ts";
import { type FaultyProxy, startProxy } from "./proxy.ts";

/** A dockerd that can be made to fail, as its agent sees it. */
export type DockerEngine = FaultyEngine &
  AsyncDisposable & {
    /** For the agent: it leads through a proxy. */
    readonly url: string;
    /** For the test: the engine itself. */
    readonly engine: Engine;
  };

/** Containers of one engine, kept up to date by its events. */
class Mirror {
  readonly #engine: Engine;
  readonly #onChange: (change: ContainerChange) => void;
  readonly #known = new Map<string, ContainerState>();

  constructor(engine: Engine, onChange: (change: ContainerChange) => void) {
    this.#engine = engine;
    this.#onChange = onChange;
  }

  all(): readonly ContainerState[] {
    return [...this.#known.values()];
  }

  labelsOf(id: string): Readonly<Record<string, string>> {
    const found = this.all().find((one) => one.id.startsWith(id) || one.name === id);
    return found?.labels ?? {};
  }

  async #resync(): Promise<void> {
    const list = await this.#engine.containers.list();
    this.#known.clear();
    for (const { id, name, labels, image: imageId, phase } of list)
      this.#known.set(id, { id, name, labels, imageId, running: phase === "running" });
  }

  #take(action: string, id: string, attributes: Readonly<Record<string, string>>): void {
    const { name = "", image: imageId = "" } = attributes;
    const known = this.#known.get(id) ?? { id, name, labels: attributes, imageId, running: false };
    const running = action === "start" || (known.running && action !== "die");
    const container = { ...known, running };
    if (action === "destroy") this.#known.delete(id);
    else this.#known.set(id, container);
    // Docker tells of a kill before the container ends by it.
    this.#onChange({ action, container });
  }

  async follow(signal: AbortSignal): Promise<void> {
    for await (const event of this.#engine.events(signal)) {
      if (event.type === "resync") await this.#resync().catch(() => undefined);
      else if (event.type === "container") this.#take(event.action, event.id, event.attributes);
    }
  }
}

async function pidOf({ dir }: PrivateDockerd): Promise<number> {
  return Number(await readFile(join(dir, "dockerd.pid"), "utf8"));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}

class Docker {
  readonly #dockerd: PrivateDockerd;
  readonly #engine: Engine;
  #pid: number;

  constructor(dockerd: PrivateDockerd, engine: Engine, pid: number) {
    this.#dockerd = dockerd;
    this.#engine = engine;
    this.#pid = pid;
  }

  freeze(): void {
    signal(this.#pid, "SIGSTOP");
  }

  thaw(): void {
    signal(this.#pid, "SIGCONT");
  }

  async kill(): Promise<void> {
    signal(this.#pid, "SIGKILL");
    const isGone = async (): Promise<boolean> =>
      (await readFile(`/proc/${this.#pid}/cmdline`, "utf8").catch(() => "")) === "";
    await eventually("dockerd is dead", isGone);
  }

  async start(): Promise<void> {
    await this.#dockerd.start();
    this.#pid = await pidOf(this.#dockerd);
  }

  /** Not through the engine, which would take it for our wish. */
  async exit(id: string): Promise<void> {
    const { pid = 0 } = (await this.#engine.containers.inspect(id))?.state ?? {};
    if (pid > 1) signal(pid, "SIGKILL");
  }
}

/** Starts a dockerd with the test images in a network namespace. */
export async function startDockerEngine(
  { namespace }: Place,
  number: number,
  onChange: (change: ContainerChange) => void,
): Promise<DockerEngine> {
  await using stack = new AsyncDisposableStack();
  const network = { namespace, bridgeAddress: `172.${20 + number}.0.1/16` };
  const dockerd = stack.use(await privateDockerd({ network }));
  const engine = stack.use(openEngine(dockerd.url));
  await makeTestImages(engine.images);
  const mirror = new Mirror(engine, onChange);
  const end = new AbortController();
  const following = mirror.follow(end.signal);
  stack.defer(async () => {
    end.abort();
    await following;
  });
  const socket = join(dockerd.dir, "proxy.sock");
  const labelsOf = (id: string): Readonly<Record<string, string>> => mirror.labelsOf(id);
  const proxy: FaultyProxy = stack.use(
    await startProxy({ socket, engine: dockerd.url.replace("unix://", ""), labelsOf }),
  );
  const docker = new Docker(dockerd, engine, await pidOf(dockerd));
  stack.defer(() => docker.thaw());
  const owned = stack.move();
  return {
    url: `unix://${socket}`,
    engine,
    requests: proxy.requests,
    fail: (fault) => proxy.fail(fault),
    freeze: () => docker.freeze(),
    thaw: () => docker.thaw(),
    stop: () => docker.kill(),
    crash: () => docker.kill(),
    start: () => docker.start(),
    exit: (id) => void docker.exit(id),
    containers: () => mirror.all(),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
