import { beacons } from "../../api/machinery/resources.ts";
import { formatTime } from "../../api/machinery/time.ts";
import { annotation } from "../../crds/labels.ts";
import { beaconNamed } from "../beacon-requests.ts";
import type { Run } from "../command.ts";

/** `lighthouse beacon revoke`. */
export const runBeaconRevoke: Run = async (call) => {
  const name = beaconNamed(call);
  const { client } = await call.connect();
  const annotations = {
    [annotation.agentKeys]: "[]",
    [annotation.revoked]: formatTime(call.io.clock.nowMs()),
  };
  await client.patch(beacons, { name }, { type: "merge", body: { metadata: { annotations } } });
  call.io.out(
    `beacon ${name} revoked: its certificates are refused from now on, its containers run on\n`,
  );
  call.io.err(`To let it in again: lighthouse token create --beacon ${name}\n`);
  return 0;
};
