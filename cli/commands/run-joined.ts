import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { type AgentIdentity, openIdentity } from "../../agent/join/identity.ts";
import { checkJoinLink, type JoinLink, parseJoinLink } from "../../api/client/join-link.ts";
import { beaconNameOf } from "../../api/server/pki/beacon-name.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { type Call, Misuse, text } from "../command.ts";
import { productVersion } from "../version.ts";

/** Where an agent keeps its key and certificate. */
function agentDirOf({ flags, io: { env } }: Call): string {
  const base = env["XDG_DATA_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "share");
  return resolve(text(flags, "data-dir") ?? join(base, "lighthouse-agent"));
}

/** The link of the flags, or of `LIGHTHOUSE_JOIN`: units and containers hide it from `ps` so. */
function linkOf({ flags, io: { env } }: Call): JoinLink | undefined {
  const parts = ["server", "token", "ca-hash"].map((name) => text(flags, name));
  const given = text(flags, "join");
  if (parts.some((part) => part !== undefined)) {
    if (given !== undefined)
      throw new Misuse("--join says it all: leave out --server, --token, --ca-hash");
    const [server = "", token = "", caHash = ""] = parts;
    return checkJoinLink({
      server: server.includes("://") ? server : `https://${server}`,
      token,
      caHash,
    });
  }
  const link = given ?? env["LIGHTHOUSE_JOIN"] ?? "";
  return link === "" ? undefined : parseJoinLink(link);
}

/** The link with the name of `--beacon`, which must not be another one than the token's. @throws Misuse */
function named(link: JoinLink | undefined, beacon: string | undefined): JoinLink | undefined {
  if (link === undefined || beacon === undefined) return link;
  if (link.beacon !== undefined && link.beacon !== beacon) {
    throw new Misuse(`--beacon is "${beacon}", the join link is for "${link.beacon}"`);
  }
  return { ...link, beacon };
}

/**
 * Who this agent is by an earlier join or by the link that it is given; `undefined` when a kubeconfig
 * says it. Joins when it has to, which takes as long as the server is away.
 */
export async function joinedIdentity(call: Call, log: Log): Promise<AgentIdentity | undefined> {
  const { flags, signal } = call;
  if (text(flags, "kubeconfig") !== undefined || text(flags, "context") !== undefined) {
    return undefined;
  }
  const beacon = text(flags, "beacon");
  const link = named(linkOf(call), beacon);
  const options = {
    dataDir: agentDirOf(call),
    ...(link === undefined ? {} : { link }),
    beacon: beacon ?? beaconNameOf(hostname()),
    userAgent: `lighthouse-agent/${productVersion}`,
    clock: systemClock,
    log,
  };
  return openIdentity(options, signal);
}
