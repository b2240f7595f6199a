import { localProvider } from "../../agent/discovery/local.ts";
import { openEngine } from "../../agent/engine/dockerode.ts";
import { runAgent } from "../../agent/main.ts";
import { createClient, type OwnedClient } from "../../api/client/create-client.ts";
import { clientDefaults } from "../../api/client/config.ts";
import { runControllers } from "../../controllers/main.ts";
import type { Log } from "../../controllers/runtime/reconciler.ts";
import { fastClock, realMs } from "./fast-clock.ts";
import { openLink } from "./link.ts";
import type { Part } from "./stage.ts";

/** Lines of the parts' logs: shown with FAULTS_LOG set. */
export function logOf(who: string): Log {
  const shown = process.env["FAULTS_LOG"] !== undefined;
  const at = (level: string) => (fields: object, message: string) => {
    if (shown)
      console.error(new Date(fastClock.nowMs()).toISOString(), who, level, message, fields);
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A client with the patience of the product, in the haste of the fast clock. */
export function hastyClient(server: string): OwnedClient {
  return createClient({
    server,
    requestTimeoutMs: realMs(clientDefaults.requestTimeoutMs),
    watchSilenceMs: realMs(clientDefaults.watchSilenceMs),
  });
}

type Work = (client: OwnedClient, signal: AbortSignal) => Promise<void>;

async function startPart(port: () => number, work: Work): Promise<Part> {
  const link = await openLink(port);
  const client = hastyClient(link.url);
  const end = new AbortController();
  const running = work(client, end.signal).catch((err: unknown) => {
    if (!end.signal.aborted) throw err;
  });
  running.catch((err: unknown) => console.error("a part ended by itself:", err));
  const kill = (): void => {
    link.cut("reset"); // before it is told: what it would do on a clean end reaches nobody
    end.abort();
  };
  return {
    link,
    kill,
    async [Symbol.asyncDispose]() {
      kill();
      await client[Symbol.asyncDispose]();
      await running;
      await link[Symbol.asyncDispose]();
    },
  };
}

/** Controllers that stand for election. */
export function startControllers(port: () => number, who: string): Promise<Part> {
  return startPart(port, (client, signal) =>
    runControllers({ client, clock: fastClock, log: logOf(who), election: true }, signal),
  );
}

/** How long an engine may take for an answer: less than the longest hang. */
const deadlines = { readMs: realMs(7_000), changeMs: realMs(7_000), pullMs: realMs(7_000) };

/** The agent of one host. */
export function startAgent(port: () => number, beacon: string, engine: string): Promise<Part> {
  return startPart(port, (client, signal) =>
    runAgent(
      {
        client,
        beacon,
        version: "0.0.0-test",
        providers: [localProvider({ urls: [engine] })],
        clock: fastClock,
        log: logOf(beacon),
        open: ({ url }) => openEngine(url, { deadlines, clock: fastClock }),
      },
      signal,
    ),
  );
}
