import { join } from "node:path";
import type { Logger } from "pino";
import { runAgent } from "../../agent/main.ts";
import type { Provider } from "../../agent/discovery/provider.ts";
import { startServer } from "../../api/server/server.ts";
import { openStore } from "../../api/store/open.ts";
import { runControllers } from "../../controllers/main.ts";
import { previewRollout } from "../../controllers/preview.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import type { Call, Run } from "../command.ts";
import { productVersion } from "../version.ts";
import { openRunEncryption } from "./run-encryption.ts";
import { tidyWhenIdle } from "./run-idle.ts";
import { keepMemoryPrivate } from "./run-private.ts";
import { openLog } from "./run-log.ts";
import { applyAtStart, startManifests } from "./run-manifests.ts";
import {
  claimDataDir,
  dataDirOf,
  dockerProvider,
  inProcessClient,
  isSharedStore,
  runParts,
  serverConfigOf,
  setupText,
  storeUrlOf,
} from "./run-parts.ts";

const clock = systemClock;

async function providerOf(call: Call, stack: AsyncDisposableStack): Promise<Provider> {
  if (call.flags["simulate"] !== true) return dockerProvider(call.flags, call.signal);
  const { startSimulated } = await import("./run-simulated.ts");
  return startSimulated(call, stack);
}

/** Opens everything in order, and closes it in the reverse order: what fails leaves nothing open. */
async function runAll(call: Call, log: Logger): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const dataDir = dataDirOf(call.flags, call.io.env);
  const config = serverConfigOf(call.flags, dataDir);
  const storeUrl = storeUrlOf(call.flags, dataDir);
  const manifests = await startManifests(call.flags, call.io);
  const provider = await providerOf(call, stack);
  await claimDataDir(dataDir);
  const store = stack.use(await openStore(storeUrl));
  const encryption = stack.use(await openRunEncryption(call, { store, storeUrl, dataDir, log }));
  const sharedStore = isSharedStore(storeUrl);
  const server = stack.use(
    await startServer({
      config,
      store: encryption?.store ?? store,
      sharedStore,
      ...(encryption === undefined ? {} : { encryption }),
      log,
      clock,
      version: productVersion,
      planRollout: previewRollout,
    }),
  );
  const kubeconfig = config.kubeconfig ?? join(dataDir, "kubeconfig");
  await applyAtStart({ manifests, kubeconfig, io: call.io, log, signal: call.signal });
  const controllers = stack.use(inProcessClient(server.controllers, "lighthouse-controllers"));
  const agent = stack.use(inProcessClient(server.agent, "lighthouse-agent"));
  call.io.out(`Lighthouse is ready at ${server.url}, kubeconfig: ${config.kubeconfig ?? ""}\n`);
  call.io.out(setupText(server));
  await runParts(
    [
      // The embedded store belongs to one process: nobody else can lead.
      (signal) =>
        runControllers({ client: controllers, clock, log, election: sharedStore }, signal),
      (signal) =>
        runAgent(
          {
            client: agent,
            beacon: server.beacon,
            version: productVersion,
            providers: [provider],
            clock,
            log,
            register: (node, streams, handler) => server.nodes.register(node, streams, handler),
          },
          signal,
        ),
    ],
    call.signal,
  );
}

/** `lighthouse up`. */
export const runUp: Run = async (call) => {
  keepMemoryPrivate();
  tidyWhenIdle(call.signal);
  await runAll(call, openLog(call.flags, "warn"));
  return 0;
};
