import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { openLmdbStore } from "../../api/store/lmdb.ts";
import { startEtcd } from "../../test/kit/etcd.ts";
import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { measureWrites, median, type Rate } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { scratchDir } from "./world.ts";

const clients = 64;
const rounds = 3;
const durationMs = 2_000;
const floorServer = join(import.meta.dirname, "floor-server.ts");
const payload = "x".repeat(900); // with its metadata an object comes to 1 KiB

/** Part of every name: no two writes meet. */
let counter = 0;

type Note = Parameters<Section>[0];
type Write = () => Promise<void>;
type Side = AsyncDisposable & { readonly write: Write };

/** Creates ConfigMaps over keep-alive connections, one per client, as 64 processes would. */
async function apiWrites(kubeconfig: string, server?: string): Promise<Side> {
  const { config } = await loadKubeconfig({ path: kubeconfig });
  const { credentials } = config;
  const who = typeof credentials === "function" ? await credentials() : credentials;
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const url = new URL("/api/v1/namespaces/default/configmaps", server ?? config.server);
  const options = {
    agent,
    method: "POST",
    ...(config.ca === undefined ? {} : { ca: config.ca }),
    ...(who?.clientCert === undefined ? {} : { cert: who.clientCert }),
    ...(who?.clientKey === undefined ? {} : { key: who.clientKey }),
  };
  const write: Write = () =>
    new Promise((resolve, reject) => {
      const body = JSON.stringify({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name: `bench-${counter++}`, namespace: "default" },
        data: { payload },
      });
      const headers = { "content-type": "application/json", "content-length": body.length };
      const outgoing = request(url, { ...options, headers }, (answer) => {
        answer.resume().on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 201) resolve();
          else reject(new Error(`POST of a ConfigMap answered ${answer.statusCode}`));
        });
      });
      outgoing.on("error", reject).end(body);
    });
  return { write, [Symbol.asyncDispose]: async () => agent.destroy() };
}

/** Both in turn, so that what else the machine does falls on both. */
async function compare(
  what: string,
  sides: { readonly ours: Write; readonly bare: Write },
  note: Note,
): Promise<Figure> {
  const ours: Rate[] = [];
  const bare: Rate[] = [];
  await measureWrites(clients, durationMs / 2, sides.ours); // warm-up, not counted
  for (let round = 1; round <= rounds; round++) {
    bare.push(await measureWrites(clients, durationMs, sides.bare));
    ours.push(await measureWrites(clients, durationMs, sides.ours));
    note(
      `${what}, round ${round}: bare ${bare.at(-1)?.perSecond.toFixed(0)}/s, ` +
        `through the API ${ours.at(-1)?.perSecond.toFixed(0)}/s`,
    );
  }
  const ratios = ours.map(({ perSecond }, i) => perSecond / (bare[i]?.perSecond ?? Infinity));
  const rate = (rates: readonly Rate[]): string =>
    `${median(rates.map(({ perSecond }) => perSecond)).toFixed(0)}/s`;
  return {
    what,
    value: median(ratios),
    unit: "x",
    atLeast: 0.5,
    from: `${rate(ours)} / ${rate(bare)}`,
  };
}

/** The same requests to a server that does nothing but store them. */
async function openFloor(dataDir: string, kubeconfig: string): Promise<Side> {
  const argv = [floorServer, join(dataDir, "pki"), join(dataDir, "floor")];
  const child = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const side = await apiWrites(kubeconfig, `https://127.0.0.1:${port.toString().trim()}`);
  return {
    write: side.write,
    async [Symbol.asyncDispose]() {
      await side[Symbol.asyncDispose]();
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

/** An API server alone, on the embedded store unless a URL is given, and a way to write to it. */
async function openSide(store?: string): Promise<Side & { readonly floor: () => Promise<Side> }> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await scratchDir());
  const server = await startLighthouse({
    command: "server",
    dataDir,
    docker: [],
    args: ["--log-level=warn"],
    ...(store === undefined ? {} : { store }),
  });
  stack.use(server);
  const { write } = stack.use(await apiWrites(server.kubeconfig));
  const floor = async (): Promise<Side> => openFloor(dataDir, server.kubeconfig);
  const owned = stack.move();
  return { write, floor, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function compareLmdb(note: Note): Promise<readonly Figure[]> {
  await using dir = await scratchDir();
  await using store = await openLmdbStore(`${dir.path}/bare`);
  await using ours = await openSide();
  await using floor = await ours.floor();
  const value = Buffer.alloc(1_024, 7);
  const bare: Write = async () => {
    await store.put(`/registry/core/configmaps/default/bare-${counter++}`, value, 0);
  };
  const what = `durable writes by ${clients} clients, embedded store: API`;
  const sides = { ours: ours.write, bare };
  return [
    // What HTTPS itself leaves of the driver's rate bounds the second figure.
    await compare(`${what} / HTTPS straight to the driver`, { ...sides, bare: floor.write }, note),
    await compare(`${what} / driver called in process`, sides, note),
  ];
}

async function compareEtcd(note: Note): Promise<Figure> {
  await using etcd = await startEtcd();
  await using ours = await openSide(`etcd://${etcd.host}/lighthouse`);
  const client = new Etcd3({ hosts: etcd.host });
  const value = "x".repeat(1_024);
  const bare: Write = async () => {
    await client.put(`/bench/bare-${counter++}`).value(value);
  };
  const what = `durable writes by ${clients} clients, etcd: API / bare etcd3 puts`;
  try {
    return await compare(what, { ours: ours.write, bare }, note);
  } finally {
    client.close();
  }
}

/** Durable creates of 1 KiB by 64 clients through the API against the bare embedded store. */
export const benchLmdbWrites: Section = compareLmdb;

/** The same against puts of the bare etcd3 package, on one real etcd. */
export const benchEtcdWrites: Section = async (note) => [await compareEtcd(note)];
