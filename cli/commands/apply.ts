import { isNotFound } from "../../api/machinery/errors.ts";
import { applications } from "../../api/machinery/resources.ts";
import type { Application } from "../../crds/types.gen.ts";
import { applyTarget, located, type Outcome, type Target, targetOf } from "../apply-target.ts";
import { type Call, durationMs, Misuse, type Run, type Session, texts } from "../command.ts";
import { exitCode } from "../exit-code.ts";
import { followRollout } from "../live/follow-rollout.ts";
import { readManifests } from "../manifest.ts";
import { paint } from "../output.ts";

/** Asks the server about every object before the first one is written: a file that is half good
 * changes nothing. What a document of the same file only just creates cannot be asked about. */
async function checkAll(session: Session, targets: readonly Target[]): Promise<void> {
  const namespaces = new Set(
    targets.filter(({ type }) => type.kind === "Namespace").map(({ key }) => key.name),
  );
  const errors: Error[] = [];
  for (const target of targets) {
    await applyTarget(session, target, true).catch((err: unknown) => {
      const isNew = namespaces.has(target.key.namespace ?? "");
      if (!(isNotFound(err) && isNew)) errors.push(located(target, err));
    });
  }
  if (errors.length === 0) return;
  const refused = errors.map(({ message }) => message).join("\n");
  const all = targets.length === 1 ? "Nothing was applied" : "None of the objects was applied";
  throw new Error(`${refused}\n${all}`);
}

async function applyAll(call: Call, targets: readonly Target[]): Promise<readonly Outcome[]> {
  const session = await call.connect();
  const outcomes: Outcome[] = [];
  for (const [index, target] of targets.entries()) {
    const outcome = await applyTarget(session, target, false).catch((err: unknown) => {
      const left = targets.slice(index + 1).map(({ label }) => label);
      const rest = left.length === 0 ? "" : `\nNot applied after it: ${left.join(", ")}`;
      throw new Error(`${located(target, err).message}${rest}`, { cause: err });
    });
    const style = outcome.done === "unchanged" ? "dim" : "green";
    call.io.out(`${target.label} ${paint(call.io, style, outcome.done)}\n`);
    outcomes.push(outcome);
  }
  return outcomes;
}

/** One after the other; the first verdict that is bad decides, and the others are still told. */
async function waitForAll(
  call: Call,
  targets: readonly Target[],
  outcomes: readonly Outcome[],
): Promise<number> {
  const timeoutMs = durationMs(call.flags, "timeout");
  let code: number = exitCode.done;
  for (const [index, { type, key }] of targets.entries()) {
    const object = outcomes[index]?.object;
    if (type.group !== applications.group || type.kind !== applications.kind) continue;
    const template = (object as Application | undefined)?.spec.template;
    const verdict = await followRollout(call, key, { timeoutMs, template });
    if (code === exitCode.done) code = verdict;
  }
  return code;
}

/** `lighthouse apply`. */
export const runApply: Run = async (call) => {
  const files = texts(call.flags, "filename");
  if (files.length === 0) throw new Misuse("Missing -f FILE");
  if (call.args.length > 0) {
    throw new Misuse(`Unexpected argument "${call.args[0] ?? ""}": name files with -f`);
  }
  const manifests = await readManifests(files, call.io);
  const session = await call.connect();
  const targets: Target[] = [];
  for (const manifest of manifests) targets.push(await targetOf(session, manifest));
  await checkAll(session, targets);
  if (call.flags["dry-run"] === true) {
    for (const { label } of targets) call.io.out(`${label} would be applied (dry run)\n`);
    return 0;
  }
  const outcomes = await applyAll(call, targets);
  return call.flags["wait"] === true ? waitForAll(call, targets, outcomes) : exitCode.done;
};
