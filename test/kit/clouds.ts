import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEngine } from "../../agent/engine/dockerode.ts";
import type { Engine } from "../../agent/engine/engine.ts";
import { issueAuthority, issueCertificate, type KeyPair } from "../../api/server/pki/issue.ts";
import { type PrivateDockerd, privateDockerd } from "./dockerd.ts";
import { type Gateway, openGateway } from "./gateway.ts";
import { makeTestImages } from "./images.ts";
import { type Network, openNetwork, type Place } from "./namespaces.ts";
import { type RunningProgram, runningProgram } from "./running-program.ts";

/** One Docker host in a cloud. */
export type CloudHost = {
  readonly place: Place;
  readonly docker: PrivateDockerd;
  /** As the test sees it, past all networks. */
  readonly engine: Engine;
  /** As its cloud sees it: TLS, for holders of a certificate of the cloud's authority. */
  readonly tcpUrl: string;
};

/** A network that lets nothing in, with Docker hosts. */
export type Cloud = {
  readonly name: string;
  readonly gateway: Gateway;
  readonly hosts: readonly CloudHost[];
  /** Directory with ca.pem, cert.pem and key.pem for clients of its engines. */
  readonly certDir: string;
};

/** Two clouds and the network between them. */
export type Clouds = AsyncDisposable & {
  /** Where control plane and registry live: at its `address`. */
  readonly internet: Network;
  readonly clouds: readonly Cloud[];
};

/** How many hosts, and how far away. */
export type CloudOptions = {
  /** Address of a registry without TLS that engines may pull from, e.g. `10.203.7.1:5000`. */
  readonly registry?: (internet: Network) => Promise<string>;
  /** Hosts per cloud. Default 2. */
  readonly hosts?: number;
};

async function writeCerts(dir: string, authority: KeyPair, own: KeyPair): Promise<string> {
  await mkdir(dir);
  await writeFile(join(dir, "ca.pem"), authority.certificate);
  await writeFile(join(dir, "cert.pem"), own.certificate);
  await writeFile(join(dir, "key.pem"), own.key, { mode: 0o600 });
  return dir;
}

type Ground = {
  readonly dir: string;
  readonly authority: KeyPair;
  readonly registry: string | undefined;
  readonly stack: AsyncDisposableStack;
};

async function openHost(gateway: Gateway, number: number, ground: Ground): Promise<CloudHost> {
  const { dir, authority, registry, stack } = ground;
  const place = await gateway.join();
  const identity = { user: place.address, groups: [] };
  const names = [place.address];
  const nowMs = Date.now();
  const own = await issueCertificate(authority, { identity, usage: "server", names, nowMs });
  const docker = stack.use(
    await privateDockerd({
      network: { namespace: place.namespace, bridgeAddress: `172.${20 + number}.0.1/16` },
      listen: {
        address: place.address,
        certDir: await writeCerts(join(dir, `engine-${number}`), authority, own),
      },
      ...(registry === undefined ? {} : { insecureRegistries: [registry] }),
    }),
  );
  const engine = stack.use(openEngine(docker.url));
  await makeTestImages(engine.images);
  return { place, docker, engine, tcpUrl: `tcp://${place.address}:2376` };
}

async function openCloud(
  name: string,
  gateway: Gateway,
  hosts: number,
  ground: Omit<Ground, "authority">,
): Promise<Cloud> {
  const nowMs = Date.now();
  const dir = join(ground.dir, name);
  await mkdir(dir);
  const authority = await issueAuthority(`engines of ${name}`, nowMs);
  const identity = { user: "agent", groups: [] };
  const client = await issueCertificate(authority, { identity, usage: "client", names: [], nowMs });
  const certDir = await writeCerts(join(dir, "client"), authority, client);
  const numbers = Array.from({ length: hosts }, (_, index) => index);
  const found: CloudHost[] = [];
  for (const number of numbers)
    found.push(await openHost(gateway, number, { ...ground, dir, authority }));
  return { name, gateway, hosts: found, certDir };
}

/**
 * Opens the network of a product that must live without inbound ports: the clouds `east`, behind one
 * gateway, and `west`, behind two in a row. Their hosts have the same private addresses. Needs root.
 */
export async function openClouds(options: CloudOptions = {}): Promise<Clouds> {
  await using stack = new AsyncDisposableStack();
  const dir = await mkdtemp(join(tmpdir(), "lh-clouds-"));
  stack.defer(() => rm(dir, { recursive: true, force: true }));
  const internet = stack.use(await openNetwork());
  const registry = await options.registry?.(internet);
  const ground = { dir, registry, stack };
  const hosts = options.hosts ?? 2;
  const east = stack.use(await openGateway(internet));
  const carrier = stack.use(await openGateway(internet, "100.64.7"));
  const west = stack.use(await openGateway(carrier));
  const clouds = [
    await openCloud("east", east, hosts, ground),
    await openCloud("west", west, hosts, ground),
  ];
  const owned = stack.move();
  return { internet, clouds, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** Runs `lighthouse ARGS` on a machine of a cloud. nsenter becomes the program, so the pid is its own. */
export function startInCloud({ namespace }: Place, args: readonly string[]): RunningProgram {
  return runningProgram(args, { within: ["nsenter", `--net=/run/netns/${namespace}`] });
}
