import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type AgentIdentity,
  type IdentityOptions,
  openIdentity,
} from "../../agent/join/identity.ts";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { authorityHash, type JoinLink } from "../../api/client/join-link.ts";
import {
  beacons,
  type CertificateRequest,
  certificateRequests,
  secrets,
} from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import type { Io } from "../../cli/command.ts";
import { commands } from "../../cli/commands.ts";
import { invoke } from "../../cli/main.ts";
import { parse } from "../../cli/program.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { type Env, startEnv } from "./env.ts";

/** What the CLI printed. */
export type Said = { readonly stdout: string; readonly stderr: string };

/** An API server with real TLS, and everything to join it from here. */
export type JoinRig = AsyncDisposable & {
  readonly env: Env;
  readonly admin: OwnedClient;
  /** Where agents keep their files: a folder each, by name. */
  readonly dirOf: (agent: string) => string;
  /** Moves the server's clock ahead of ours, in milliseconds. */
  readonly moveClock: (aheadMs: number) => void;
  /** A token that any number of hosts may use, unless `data` says otherwise. */
  readonly makeToken: (data?: Readonly<Record<string, string>>) => Promise<string>;
  readonly linkOf: (token: string, beacon?: string) => JoinLink;
  readonly optionsOf: (agent: string, link?: JoinLink) => IdentityOptions;
  /** Joins, or finds what an earlier join left. The beacon is called as the agent unless the link says. */
  readonly joinAs: (agent: string, link?: JoinLink) => Promise<AgentIdentity>;
  /** What the agent of a beacon gets when it asks for its Beacon: its name, or why it gets none. */
  readonly visit: (identity: AgentIdentity) => Promise<string>;
  /** Requests for a beacon's certificate. */
  readonly requestsFor: (beacon: string) => Promise<readonly CertificateRequest[]>;
  /** The CLI in this process: as one of its own it takes half a second to start. */
  readonly cli: (...args: readonly string[]) => Promise<Said>;
};

const log = { info() {}, warn() {}, error() {}, debug() {} };
const tokenSecret = "0123456789abcdef";

async function runCli(kubeconfig: string, args: readonly string[]): Promise<Said> {
  const said = { stdout: "", stderr: "" };
  const io: Io = {
    out: (text) => void (said.stdout += text),
    err: (text) => void (said.stderr += text),
    isTerminal: false,
    color: false,
    env: { KUBECONFIG: kubeconfig },
    readStdin: async () => "",
    clock: systemClock,
  };
  const found = parse(commands, args, io);
  if (typeof found === "number") throw new Error(`${args.join(" ")}: ${said.stderr}`);
  await invoke(found, { io, signal: AbortSignal.timeout(15_000) });
  return said;
}

async function visit(identity: AgentIdentity): Promise<string> {
  await using client = createClient(identity.config);
  try {
    return (await client.get(beacons, { name: identity.beacon }))?.metadata.name ?? "gone";
  } catch (err) {
    return err instanceof Error ? err.message : String(err);
  }
}

function tokenMaker(admin: OwnedClient): JoinRig["makeToken"] {
  let count = 0;
  return async (data = {}) => {
    count += 1;
    const id = `tok${String(count).padStart(3, "0")}`;
    const values = {
      "token-id": id,
      "token-secret": tokenSecret,
      "usage-bootstrap-authentication": "true",
      ...data,
    };
    const encoded = Object.entries(values).map(
      ([key, value]) => [key, Buffer.from(value).toString("base64")] as const,
    );
    await admin.create(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: `bootstrap-token-${id}`, namespace: "kube-system" },
      type: "bootstrap.kubernetes.io/token",
      data: Object.fromEntries(encoded),
    });
    return `${id}.${tokenSecret}`;
  };
}

/** Opens a rig; about half a second. */
export async function openJoinRig(): Promise<JoinRig> {
  let aheadMs = 0;
  const clock = { ...systemClock, nowMs: () => Date.now() + aheadMs };
  const root = await mkdtemp(join(tmpdir(), "lighthouse-join-"));
  const env = await startEnv({ clock });
  const admin = createClient(env.admin);
  const optionsOf = (agent: string, link?: JoinLink): IdentityOptions => ({
    dataDir: join(root, agent),
    ...(link === undefined ? {} : { link }),
    beacon: agent,
    userAgent: "test",
    clock: systemClock,
    log,
  });
  return {
    env,
    admin,
    dirOf: (agent) => join(root, agent),
    moveClock(ms) {
      aheadMs = ms;
    },
    makeToken: tokenMaker(admin),
    linkOf: (token, beacon) => ({
      server: env.url,
      token,
      caHash: authorityHash(env.admin.ca ?? ""),
      ...(beacon === undefined ? {} : { beacon }),
    }),
    optionsOf,
    async joinAs(agent, link) {
      const identity = await openIdentity(optionsOf(agent, link), AbortSignal.timeout(15_000));
      if (identity === undefined) throw new Error("nobody joined");
      return identity;
    },
    visit,
    async requestsFor(beacon) {
      const labelSelector = `${label.beacon}=${beacon}`;
      return (await admin.list(certificateRequests, { labelSelector })).items;
    },
    cli: (...args) => runCli(env.kubeconfig, args),
    async [Symbol.asyncDispose]() {
      await admin[Symbol.asyncDispose]();
      await env.stop();
      await rm(root, { recursive: true });
    },
  };
}
