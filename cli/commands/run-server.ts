import { join } from "node:path";
import { runServer } from "../../api/server/server.ts";
import { openStore } from "../../api/store/open.ts";
import { previewRollout } from "../../controllers/preview.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import type { Run } from "../command.ts";
import { productVersion } from "../version.ts";
import { openRunEncryption } from "./run-encryption.ts";
import { tidyWhenIdle } from "./run-idle.ts";
import { keepMemoryPrivate } from "./run-private.ts";
import { openLog } from "./run-log.ts";
import { applyAtStart, startManifests } from "./run-manifests.ts";
import {
  claimDataDir,
  dataDirOf,
  isSharedStore,
  serverConfigOf,
  setupText,
  storeUrlOf,
} from "./run-parts.ts";

/** `lighthouse server`. */
export const runServerCommand: Run = async (call) => {
  keepMemoryPrivate();
  tidyWhenIdle(call.signal);
  const dataDir = dataDirOf(call.flags, call.io.env);
  const config = serverConfigOf(call.flags, dataDir);
  const manifests = await startManifests(call.flags, call.io);
  await claimDataDir(dataDir);
  const storeUrl = storeUrlOf(call.flags, dataDir);
  await using store = await openStore(storeUrl);
  const log = openLog(call.flags, "info");
  await using encryption = await openRunEncryption(call, { store, storeUrl, dataDir, log });
  const options = {
    config,
    store: encryption?.store ?? store,
    sharedStore: isSharedStore(storeUrl),
    ...(encryption === undefined ? {} : { encryption }),
    log,
    clock: systemClock,
    version: productVersion,
    planRollout: previewRollout,
  };
  const kubeconfig = config.kubeconfig ?? join(dataDir, "kubeconfig");
  const applying = { manifests, kubeconfig, io: call.io, log, signal: call.signal };
  await runServer(options, call.signal, (server) => {
    applyAtStart(applying).catch((err: unknown) => log.error({ err }, "cannot apply manifests"));
    call.io.out(`Lighthouse is ready at ${server.url}, kubeconfig: ${config.kubeconfig ?? ""}\n`);
    call.io.out(setupText(server));
  });
  return 0;
};
