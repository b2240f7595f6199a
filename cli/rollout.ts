import type { ObjectKey } from "../api/machinery/object.ts";
import { applications } from "../api/machinery/resources.ts";
import type { Application } from "../crds/types.gen.ts";
import { type Call, Misuse } from "./command.ts";
import { follow } from "./follow.ts";
import { paint } from "./output.ts";
import { type Verdict, verdictOf } from "./verdict.ts";

/** Clears the line that a terminal's progress is redrawn on. */
const clearLine = "\r\u001B[2K";

/** The Application that the one positional argument names: `web`, `app/web` or `application/web`.
 * @throws Misuse */
export function applicationName(args: readonly string[]): string {
  const [target, ...more] = args;
  if (target === undefined || more.length > 0)
    throw new Misuse("Give one APPLICATION, e.g. app/web");
  const [type = "", name] = target.includes("/") ? target.split("/") : ["app", target];
  if (!["app", "application", "applications"].includes(type) || name === undefined || name === "") {
    throw new Misuse(`Rollouts are of Applications: write app/NAME instead of "${target}"`);
  }
  return name;
}

/** Reads the Application of the command line. @throws Error when there is none of that name */
export async function getApplication(call: Call): Promise<Application> {
  const { client, namespace } = await call.connect();
  const name = applicationName(call.args);
  const app = await client.get(applications, { namespace, name }, call.signal);
  if (app === undefined) {
    throw new Error(`Application "${name}" not found in namespace ${namespace}`);
  }
  return app;
}

/** One line that is redrawn on a terminal, and one line per news elsewhere. */
function progressLine({ io }: Call, name: string): { show(text: string): void; end(): void } {
  let last = "";
  return {
    show(text) {
      if (text === last) return;
      last = text;
      const line = `application/${name}: ${text}`;
      io.out(io.isTerminal ? `${clearLine}${line}` : `${line}\n`);
    },
    end() {
      if (io.isTerminal && last !== "") io.out(clearLine);
    },
  };
}

function announce({ io }: Call, name: string, { state, text }: Verdict): number {
  const good = state === "Succeeded";
  io.out(`application/${name}: ${paint(io, good ? "green" : "red", text)}\n`);
  return good ? 0 : 1;
}

/**
 * Shows a rollout until its verdict: 0 when the newest change is Ready everywhere, 1 when it was
 * rolled back or a failure holds it. Without `timeoutMs` it trusts the rollout's own deadline.
 */
export async function followRollout(
  call: Call,
  key: ObjectKey,
  timeoutMs: number | undefined,
): Promise<number> {
  const deadline = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
  const signal = deadline === undefined ? call.signal : AbortSignal.any([call.signal, deadline]);
  const line = progressLine(call, key.name);
  const { client } = await call.connect();
  try {
    for await (const app of follow(client, applications, key, signal)) {
      if (app === undefined) throw new Error(`Application "${key.name}" was deleted`);
      const verdict = verdictOf(app);
      if (verdict.state === "Running") {
        line.show(verdict.text);
        continue;
      }
      line.end();
      return announce(call, key.name, verdict);
    }
  } catch (err) {
    line.end();
    if (deadline?.aborted !== true || call.signal.aborted) throw err;
    throw new Error(`Application "${key.name}" has no verdict after ${(timeoutMs ?? 0) / 1000} s`, {
      cause: err,
    });
  }
  throw new Error(`Lost sight of Application "${key.name}"`);
}
