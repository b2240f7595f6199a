import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { run } from "../../test/kit/run.ts";
import type { BenchHost, BenchHosts } from "./hosts.ts";
import type { Call } from "./raw-engine.ts";
import { type Stand, type System, type Version, versions, type Wish } from "./system.ts";

type Service = {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: object;
  readonly UpdateStatus?: { readonly State?: string };
};

type SwarmNode = {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: object;
  readonly Status: { readonly State: string; readonly Addr: string };
  readonly ManagerStatus?: { readonly Addr: string };
};

const nanos = 1e9;
/** Label of the containers of a service, with its name as value. */
export const serviceLabel = "com.docker.swarm.service.name";

function configOf({ batch = 1, monitorSeconds, hostPort }: Wish, action: string): object {
  return {
    Parallelism: batch,
    FailureAction: action,
    MaxFailureRatio: 0,
    Order: hostPort === undefined ? "stop-first" : "start-first",
    ...(monitorSeconds === undefined ? {} : { Monitor: monitorSeconds * nanos }),
  };
}

/** The service that a wish asks for. */
export function serviceSpec(wish: Wish, network: "bridge" | "host" = "bridge"): object {
  const { name, version, image = versions[version] } = wish;
  const { replicas, nowhere, hostPort, onFailure = "rollback" } = wish;
  const published = { PublishMode: "host", Protocol: "tcp", TargetPort: 80 };
  return {
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image: image, StopGracePeriod: nanos },
      RestartPolicy: { Condition: "any" },
      ...(nowhere === true ? { Placement: { Constraints: ["node.labels.nowhere==true"] } } : {}),
      ...(network === "host" ? { Networks: [{ Target: "host" }] } : {}),
    },
    Mode: replicas === "every host" ? { Global: {} } : { Replicated: { Replicas: replicas } },
    UpdateConfig: configOf(wish, onFailure),
    RollbackConfig: configOf(wish, "pause"),
    EndpointSpec: {
      Mode: "dnsrr",
      ...(hostPort === undefined ? {} : { Ports: [{ ...published, PublishedPort: hostPort }] }),
    },
  };
}

const stands: Readonly<Record<string, Stand>> = {
  completed: "completed",
  paused: "paused",
  rollback_completed: "rolled back",
  rollback_paused: "paused",
};

const names = new Map(Object.entries(versions).map(([name, image]) => [image, name as Version]));

/** Swarm adds a digest where it knows one. */
const versionOf = (image: string): Version | undefined =>
  names.get(image.replace(/@.*$/, "") as (typeof versions)[Version]);

/** What the engines run with this label, on all hosts or on one of them, counted from 0. */
export async function runningVersions(
  hosts: readonly BenchHost[],
  label: string,
  host?: number,
): Promise<readonly Version[]> {
  const asked = host === undefined ? hosts : hosts.slice(host, host + 1);
  const images = await Promise.all(asked.map(({ engine }) => engine.running(label)));
  return images.flat().flatMap((image) => versionOf(image) ?? []);
}

/** The first manager of a Swarm, through the Engine API. */
export type SwarmMode = System & {
  readonly call: Call;
  service(name: string): Promise<Service | undefined>;
};

async function joinAll({ hosts }: BenchHosts): Promise<void> {
  const [first, ...others] = hosts;
  if (first === undefined) throw new Error("A Swarm needs a host");
  const listen = `${first.address}:2377`;
  await first.engine.call("POST", "/swarm/init", {
    ListenAddr: listen,
    AdvertiseAddr: first.address,
  });
  const swarm = await first.engine.call("GET", "/swarm");
  const { JoinTokens } = swarm as { readonly JoinTokens: { readonly Worker: string } };
  for (const { engine, address } of others) {
    await engine.call("POST", "/swarm/join", {
      ListenAddr: `${address}:2377`,
      AdvertiseAddr: address,
      RemoteAddrs: [listen],
      JoinToken: JoinTokens.Worker,
    });
  }
}

/** Makes a Swarm of the hosts, whose manager is the first. It goes with its engines. */
export async function startSwarm(site: BenchHosts): Promise<SwarmMode> {
  const [manager] = site.hosts;
  if (manager === undefined) throw new Error("A Swarm needs a host");
  await joinAll(site);
  const { call } = manager.engine;
  const service = async (name: string): Promise<Service | undefined> => {
    const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
    return ((await call("GET", `/services?filters=${filters}`)) as readonly Service[])[0];
  };
  const nodeAt = async (host: number): Promise<SwarmNode> => {
    const all = (await call("GET", "/nodes")) as readonly SwarmNode[];
    const { address } = site.hosts[host] ?? manager;
    const at = ({ Status, ManagerStatus }: SwarmNode): boolean =>
      Status.Addr === address || ManagerStatus?.Addr.startsWith(`${address}:`) === true;
    const found = all.find(at);
    if (found === undefined) throw new Error(`No node of the Swarm is at ${address}`);
    return found;
  };
  const setAvailability = async (host: number, availability: string): Promise<void> => {
    const { ID, Version: version, Spec } = await nodeAt(host);
    const body = { ...Spec, Availability: availability };
    await call("POST", `/nodes/${ID}/update?version=${version.Index}`, body);
  };
  const docker = (...args: readonly string[]) =>
    run(["docker", "-H", manager.dockerd.url, ...args], { timeoutMs: 60_000 });
  return {
    name: "Swarm",
    call,
    service,
    async apply(wish) {
      const spec = serviceSpec(wish);
      const known = await service(wish.name);
      const path =
        known === undefined
          ? "/services/create"
          : `/services/${known.ID}/update?version=${known.Version.Index}`;
      return call("POST", path, spec).then(
        () => undefined,
        (err: unknown) => String(err),
      );
    },
    async stand(name) {
      const state = (await service(name))?.UpdateStatus?.State ?? "";
      return stands[state] ?? "going";
    },
    running: (name, host) => runningVersions(site.hosts, `${serviceLabel}=${name}`, host),
    async exitCodeOf({ name, version, onFailure = "rollback" }) {
      const image = ["--image", versions[version], "--no-resolve-image"];
      const action = ["--update-failure-action", onFailure];
      return (await docker("service", "update", ...image, ...action, "--detach=false", name)).code;
    },
    async undo(name) {
      await docker("service", "rollback", "--detach=false", name);
    },
    isUp: async (host) => (await nodeAt(host)).Status.State === "ready",
    drain: (host) => setAvailability(host, "drain"),
    undrain: (host) => setAvailability(host, "active"),
    async crash() {
      const pid = Number(await readFile(join(manager.dockerd.dir, "dockerd.pid"), "utf8"));
      process.kill(pid, "SIGKILL");
      await sleep(500); // its lock files go with it
      await manager.dockerd.start();
    },
    async remove(name) {
      const known = await service(name);
      if (known !== undefined) await call("DELETE", `/services/${known.ID}`);
    },
  };
}
