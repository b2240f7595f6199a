import { expect, test } from "vitest";
import { isMet, type Figure } from "../../../hack/bench/figure.ts";
import { openCalls, openSoakRig } from "../../../hack/soak/rig.ts";
import { cancelledLogs, manyExecs } from "../../../hack/soak/trials.ts";
import { settledVitals, vitalsOf } from "../../../hack/soak/vitals.ts";

/** How fast a busy machine is says nothing; what went wrong does. */
const broken = (figures: readonly Figure[]): readonly Figure[] =>
  figures.filter((figure) => figure.unit === "" && !isMet(figure));

// The full soak is `npm run soak`: docs/tunnel-performance.md.
test("many execs and cancelled logs leave nothing behind at either end of a tunnel", async () => {
  await using rig = await openSoakRig({ execs: 60, logs: 160, rounds: 1 }, () => undefined);
  const pids = { server: rig.world.server().pid, agent: rig.world.agent.pid };
  const growth = { mb: Infinity, fds: 24 };
  const before = { server: await vitalsOf(pids.server), agent: await vitalsOf(pids.agent) };
  expect(broken(await manyExecs(rig))).toEqual([]);
  expect(broken(await cancelledLogs(rig))).toEqual([]);
  for (const end of ["server", "agent"] as const) {
    const { fds } = await settledVitals(pids[end], before[end], growth);
    expect(fds, end).toBeLessThanOrEqual(before[end].fds + growth.fds);
  }
  expect(await openCalls(rig)).toBe(0);
}, 60_000);
