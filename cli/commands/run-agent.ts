import { createClient } from "../../api/client/create-client.ts";
import { badRequest } from "../../api/machinery/errors.ts";
import type { AgentIdentity } from "../../agent/join/identity.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import { type Call, type Run, type Session, text } from "../command.ts";
import { productVersion } from "../version.ts";
import { tidyWhenIdle } from "./run-idle.ts";
import { keepMemoryPrivate } from "./run-private.ts";
import { beaconName } from "./run-beacon.ts";
import { joinedIdentity } from "./run-joined.ts";
import { openLog } from "./run-log.ts";
import { runParts } from "./run-parts.ts";
import { discoveryOf } from "./run-discovery.ts";
import { runTunnelledAgent } from "./run-tunnelled-agent.ts";

/** @throws StatusError `BadRequest` that names the other way, too */
async function connectByKubeconfig(call: Call): Promise<Session> {
  try {
    return await call.connect();
  } catch (err) {
    const given = text(call.flags, "kubeconfig") ?? call.io.env["KUBECONFIG"];
    if (given !== undefined || !(err instanceof Error)) throw err;
    const other = `or join with the link of "lighthouse token create": lighthouse agent --join LINK`;
    throw badRequest(`${err.message}; ${other}`, { cause: err });
  }
}

/** How the agent reaches the API: as who it joined, else as a kubeconfig says. */
async function connectionOf(call: Call, joined: AgentIdentity | undefined) {
  if (joined === undefined) return connectByKubeconfig(call);
  const { config } = joined;
  return { client: createClient(config), server: config.server, config };
}

/** `lighthouse agent`. */
export const runAgentCommand: Run = async (call) => {
  keepMemoryPrivate();
  tidyWhenIdle(call.signal);
  const discovery = await discoveryOf(call.flags, call.io.env, call.signal);
  const log = openLog(call.flags, "info");
  const joined = await joinedIdentity(call, log);
  const { client, server, config } = await connectionOf(call, joined);
  const asker = { client, clock: systemClock, log, signal: call.signal };
  const beacon = await beaconName(text(call.flags, "beacon"), asker);
  if (beacon === undefined) return 0;
  log.info({ server, beacon }, "agent starts");
  const clock = systemClock;
  const given = text(call.flags, "relay-program") ?? call.io.env["LIGHTHOUSE_RELAY_PROGRAM"];
  const relayProgram = given === "" ? undefined : given;
  const about = { beacon, version: productVersion, relayProgram };
  const agent = { client, ...about, ...discovery, clock, log };
  await runParts(
    [
      (signal) => runTunnelledAgent(agent, config, signal),
      ...(joined === undefined ? [] : [(signal: AbortSignal) => joined.keep(signal)]),
    ],
    call.signal,
  );
  return 0;
};
