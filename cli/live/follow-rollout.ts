import { equalJson } from "../../api/machinery/equality.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";
import { annotation } from "../../crds/labels.ts";
import type { Application, PodTemplate } from "../../crds/types.gen.ts";
import type { Call, Io } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { paint } from "../output.ts";
import type { Verdict } from "../verdict.ts";
import { bounded } from "./bounded.ts";
import { newsOf } from "./news.ts";
import { renderRollout } from "./render.ts";
import { type RolloutView, rolloutView } from "./rollout-view.ts";
import { createScreen, sizeOf } from "./screen.ts";
import { type Sight, watchRollout } from "./watch-rollout.ts";

/** What a caller waits for. */
export type Asked = {
  /** Give up after so long. Integer, milliseconds; absent: the rollout's own deadline decides. */
  readonly timeoutMs?: number | undefined;
  /** The template that was asked for: a verdict on another one is none on it. */
  readonly template?: PodTemplate | undefined;
};

/** Shows views of a rollout as they come. */
type Display = {
  show(view: RolloutView, note: string | undefined): void;
  /** `keep`: the last view stays readable. */
  end(keep: boolean): void;
};

/** A block that is redrawn, on a terminal. */
function liveDisplay(io: Io): Display {
  const screen = createScreen(io);
  return {
    show: (view, note) => screen.draw(renderRollout(view, sizeOf(io), note)),
    end: (keep) => screen.end(!keep),
  };
}

/** How long a controller may take before its silence is news. Milliseconds. */
const silenceMs = 4000;

/** One line for each piece of news, everywhere else. */
function logDisplay(io: Io, name: string): Display {
  let last: RolloutView | undefined;
  let silentSinceMs: number | undefined;
  let lastNote: string | undefined;
  const say = (line: string): void => io.out(`application/${name}: ${line}\n`);
  return {
    show(view, note) {
      for (const line of newsOf(last, view)) say(line);
      if (view.phase !== "Pending") silentSinceMs = undefined;
      else if (view.nowMs - (silentSinceMs ??= view.nowMs) >= silenceMs) {
        say(view.verdict.text);
        silentSinceMs = Number.POSITIVE_INFINITY;
      }
      if (note !== lastNote) say(note ?? "the server answers again");
      last = view;
      lastNote = note;
    },
    end() {
      // Lines stay as they are.
    },
  };
}

/** Says that what was asked for is no longer asked for; `undefined` while it is. */
function replacedBy(app: Application, { template }: Asked): Verdict | undefined {
  if (template === undefined || equalJson(app.spec.template, template)) return undefined;
  const who = app.metadata.annotations?.[annotation.changedBy];
  const by = who === undefined ? "" : ` by ${who}`;
  const text = `replaced by another change${by} before its verdict`;
  return { state: "Failed", text };
}

function announce({ io }: Call, name: string, { state, text }: Verdict): number {
  const good = state === "Succeeded";
  io.out(`application/${name}: ${paint(io, good ? "green" : "red", text)}\n`);
  return good ? exitCode.done : exitCode.failed;
}

/** Shows sights until one has a verdict. */
async function untilVerdict(
  sights: AsyncIterable<Sight>,
  display: Display,
  {
    nowMs,
    name,
    asked,
  }: { readonly nowMs: () => number; readonly name: string; readonly asked: Asked },
): Promise<Verdict> {
  let view: RolloutView | undefined;
  for await (const { application, pods, trouble } of sights) {
    if (application === undefined) {
      if (trouble !== undefined) continue;
      return { state: "Failed", text: `Application "${name}" was deleted` };
    }
    view = rolloutView(application, pods, nowMs(), view);
    display.show(view, trouble);
    const verdict = replacedBy(application, asked) ?? view.verdict;
    if (verdict.state !== "Running") return verdict;
  }
  throw new Error(`Lost sight of Application "${name}"`);
}

/** How often a view is drawn for the sake of the time alone. */
const tickMs = { terminal: 500, log: 5000 } as const;

/**
 * Shows a rollout until its verdict and resolves to the exit code: 0 when what was asked for runs
 * everywhere, 1 when it was rolled back, is held by a failure, or was replaced by another change.
 * Without a timeout it trusts the rollout's own deadline. Restarts of the server are no end.
 * @throws TimedOut
 */
export async function followRollout(call: Call, key: ObjectKey, asked: Asked): Promise<number> {
  const { io } = call;
  const { name } = key;
  const { client } = await call.connect();
  const display = io.isTerminal ? liveDisplay(io) : logDisplay(io, name);
  const nowMs = (): number => io.clock.nowMs();
  const every = io.isTerminal ? tickMs.terminal : tickMs.log;
  let verdict: Verdict | undefined;
  try {
    verdict = await bounded(call, { name, timeoutMs: asked.timeoutMs }, (signal) => {
      const sights = watchRollout({ client, key, nowMs, tickMs: every }, signal);
      return untilVerdict(sights, display, { nowMs, name, asked });
    });
  } finally {
    display.end(verdict?.state !== "Succeeded");
  }
  return announce(call, name, verdict);
}
