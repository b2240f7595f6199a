import { certificateRequests } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { beaconNamed, requestFor } from "../beacon-requests.ts";
import type { Run } from "../command.ts";

/** Gives a verdict on the request that waits, as `kubectl certificate` does. */
function giving(type: "Approved" | "Denied", done: string): Run {
  return async (call) => {
    const beacon = beaconNamed(call);
    const request = await requestFor(call, beacon);
    const { client } = await call.connect();
    const now = formatTime(call.io.clock.nowMs());
    const condition = {
      type,
      status: "True",
      reason: "LighthouseCli",
      message: `by "lighthouse beacon ${type === "Approved" ? "approve" : "deny"}"`,
      lastUpdateTime: now,
      lastTransitionTime: now,
    };
    const status = { ...request.status, conditions: [condition] };
    const decided = { ...request, status };
    await client.replace(certificateRequests, decided, { subresource: "approval" });
    const asker = request.spec.username ?? "nobody";
    call.io.out(`beacon ${beacon} ${done}: ${request.metadata.name}, asked by ${asker}\n`);
    return 0;
  };
}

/** `lighthouse beacon approve`. */
export const runBeaconApprove: Run = giving("Approved", "approved");

/** `lighthouse beacon deny`. */
export const runBeaconDeny: Run = giving("Denied", "denied");
