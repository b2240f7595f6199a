import { runControllers } from "../../controllers/main.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import type { Run } from "../command.ts";
import { tidyWhenIdle } from "./run-idle.ts";
import { keepMemoryPrivate } from "./run-private.ts";
import { openLog } from "./run-log.ts";

/** `lighthouse controllers`. */
export const runControllersCommand: Run = async (call) => {
  keepMemoryPrivate();
  tidyWhenIdle(call.signal);
  const { client, server } = await call.connect();
  const log = openLog(call.flags, "info");
  log.info({ server }, "controllers start");
  await runControllers({ client, clock: systemClock, log, election: true }, call.signal);
  return 0;
};
