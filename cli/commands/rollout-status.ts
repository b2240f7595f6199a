import { keyOf } from "../../api/machinery/object.ts";
import { pods } from "../../api/machinery/resources.ts";
import { label } from "../../crds/labels.ts";
import type { Application } from "../../crds/types.gen.ts";
import { type Call, durationMs, Misuse, type Run, text } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { followRollout } from "../live/follow-rollout.ts";
import { printStream } from "../live/print-stream.ts";
import { renderRollout } from "../live/render.ts";
import { rolloutView } from "../live/rollout-view.ts";
import { paintLine, sizeOf } from "../live/screen.ts";
import { getApplication } from "../rollout.ts";

/** Where it is now, every slot by itself. */
async function printNow(call: Call, app: Application): Promise<number> {
  const { io, flags } = call;
  const { client, namespace } = await call.connect();
  const labelSelector = `${label.application}=${app.metadata.name}`;
  const { items } = await client.list(pods, { namespace, labelSelector }, call.signal);
  const view = rolloutView(app, items, io.clock.nowMs());
  io.out(`application/${view.name}: ${view.verdict.text}\n`);
  const isWide = text(flags, "output") === "wide";
  if (isWide || view.verdict.state === "Running") {
    const columns = io.isTerminal ? sizeOf(io).columns : 400;
    const lines = renderRollout(view, { columns, rows: 100_000 });
    io.out(lines.map((line) => `${paintLine(io, line)}\n`).join(""));
  }
  return view.verdict.state === "Failed" ? exitCode.failed : exitCode.done;
}

/** `lighthouse rollout status`. */
export const runRolloutStatus: Run = async (call) => {
  const isOnce = call.flags["no-wait"] === true;
  if (isOnce && call.flags["follow"] === true) {
    throw new Misuse("--follow and --no-wait exclude each other");
  }
  const timeoutMs = durationMs(call.flags, "timeout");
  const app = await getApplication(call);
  if (text(call.flags, "output") === "json") {
    return printStream(call, keyOf(app), { isFollowed: !isOnce, timeoutMs });
  }
  return isOnce ? printNow(call, app) : followRollout(call, keyOf(app), { timeoutMs });
};
