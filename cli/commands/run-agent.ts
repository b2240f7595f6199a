import { runAgent } from "../../agent/main.ts";
import { systemClock } from "../../controllers/runtime/system-clock.ts";
import type { Run } from "../command.ts";
import { productVersion } from "../version.ts";
import { tidyWhenIdle } from "./run-idle.ts";
import { openLog } from "./run-log.ts";
import { beaconName, dockerProvider } from "./run-parts.ts";

/** `lighthouse agent`. */
export const runAgentCommand: Run = async (call) => {
  tidyWhenIdle(call.signal);
  const provider = await dockerProvider(call.flags, call.signal);
  const { client, server } = await call.connect();
  const log = openLog(call.flags, "info");
  const beacon = beaconName(call.flags);
  log.info({ server, beacon }, "agent starts");
  await runAgent(
    { client, beacon, version: productVersion, providers: [provider], clock: systemClock, log },
    call.signal,
  );
  return 0;
};
