import type { Patch } from "../api/client/client.ts";
import { resourceText } from "../api/machinery/gvk.ts";
import { keyOf } from "../api/machinery/object.ts";
import { applications } from "../api/machinery/resources.ts";
import type { Application } from "../crds/types.gen.ts";
import { type Call, durationMs, Misuse, type Run, text } from "./command.ts";
import { documentText, isDocumentFormat } from "./document.ts";
import { exitCode } from "./exit-code.ts";
import { gitOpsOwner } from "./gitops.ts";
import { followRollout } from "./live/follow-rollout.ts";
import { paintError } from "./output.ts";

/** What was done to an Application on a person's order. */
export type Ordered = {
  /** As the server has it after the order, or as it was when there was nothing to do. */
  readonly app: Application;
  /** What happened, after the name, e.g. `paused`. */
  readonly said: string;
  /** Whether `--wait` has something to wait for; default yes. */
  readonly waits?: boolean;
  /** Whether a verdict on another template than this one is a failure; default yes. */
  readonly pinned?: boolean;
};

/** Changes an Application. The answer is the Application as it is then. */
export async function patchApplication(
  call: Call,
  app: Application,
  patch: Patch,
): Promise<Application> {
  const { client } = await call.connect();
  return client.patch(applications, keyOf(app), patch);
}

/** Tells the user that a GitOps tool will undo what an order changes in the spec. */
export function warnOfGitOps({ io }: Call, app: Application, field: readonly string[]): void {
  const owner = gitOpsOwner(app, field);
  if (owner === undefined) return;
  const path = `spec.${field.join(".")}`;
  io.err(
    `${paintError(io, "yellow", "Warning:")} ${owner} sets ${path} of this Application and may set it back: change it there too\n`,
  );
}

function printObject({ io, flags }: Call, app: Application): void {
  const format = text(flags, "output");
  if (isDocumentFormat(format)) io.out(documentText(format, app));
  else io.out(`${resourceText({ ...applications, plural: "application" })}/${app.metadata.name}\n`);
}

/**
 * Says what an order did, or prints the object as `-o` asks, and with `--wait` follows the rollout
 * to its verdict. With both, what happens goes to standard error and the object comes last.
 */
async function report(call: Call, ordered: Ordered): Promise<number> {
  const { app, said, waits = true, pinned = true } = ordered;
  const { name } = app.metadata;
  const isPrinted = text(call.flags, "output") !== undefined;
  const quiet = { ...call.io, out: (chunk: string) => call.io.err(chunk), isTerminal: false };
  const talk: Call = isPrinted ? { ...call, io: quiet } : call;
  const isWaiting = call.flags["wait"] === true && waits;
  const timeoutMs = durationMs(call.flags, "timeout");
  talk.io.out(`application/${name} ${said}\n`);
  const asked = { timeoutMs, ...(pinned ? { template: app.spec.template } : {}) };
  const code = isWaiting ? await followRollout(talk, keyOf(app), asked) : exitCode.done;
  if (!isPrinted) return code;
  const { client } = await call.connect();
  const after = isWaiting ? await client.get(applications, keyOf(app), call.signal) : app;
  printObject(call, after ?? app);
  return code;
}

/** A command that gives an order: its flags are looked at before anything is changed. */
export function ordering(give: (call: Call) => Promise<Ordered>): Run {
  return async (call) => {
    const timeoutMs = durationMs(call.flags, "timeout");
    if (timeoutMs !== undefined && call.flags["wait"] !== true) {
      throw new Misuse("--timeout needs --wait");
    }
    return report(call, await give(call));
  };
}
