import { isNotFound } from "../../api/machinery/errors.ts";
import { objectPath } from "../../api/machinery/gvk.ts";
import type { ObjectKey } from "../../api/machinery/object.ts";
import { applications, revisions } from "../../api/machinery/resources.ts";
import type { RolloutPlan } from "../../crds/rollout-plan.ts";
import type { Application } from "../../crds/types.gen.ts";
import { applyTarget, located, type Outcome, type Target, targetOf } from "../apply-target.ts";
import { type Call, Misuse, type Run, text, texts } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { exitCode } from "../exit-code.ts";
import { readManifests } from "../manifest.ts";
import { paint } from "../output.ts";
import { planLines, slotTable } from "../plan-text.ts";
import { readText } from "../read.ts";
import { templateDiff } from "../template-diff.ts";

/** What applying one document would lead to. */
type Foreseen = {
  readonly target: Target;
  /** Absent when the server cannot be asked: its Namespace is only just in the same file. */
  readonly outcome?: Outcome;
  /** Of an Application. */
  readonly plan?: RolloutPlan;
  readonly diff?: string;
};

const isApplication = ({ type }: Target): boolean =>
  type.kind === applications.kind && type.group === applications.group;

async function askPlan(call: Call, key: ObjectKey, object: unknown): Promise<RolloutPlan> {
  const { client } = await call.connect();
  const path = objectPath(applications, key, "plan");
  const answer = await client.raw({ method: "POST", path, body: object }, call.signal);
  return JSON.parse(await readText(answer)) as RolloutPlan;
}

/** The template that runs against the one that is asked for; empty on a first rollout. */
async function diffOf(call: Call, target: Target, plan: RolloutPlan, app: Application) {
  const { fromRevision } = plan;
  if (fromRevision === undefined) return "";
  const { client } = await call.connect();
  const key = { ...target.key, name: fromRevision };
  const running = await client.get(revisions, key, call.signal);
  if (running === undefined) return "";
  const before = { title: `${fromRevision} (runs)`, template: running.spec.template };
  const after = { title: target.manifest.file, template: app.spec.template };
  return templateDiff(call.io, before, after);
}

async function foresee(call: Call, target: Target, newNamespaces: ReadonlySet<string>) {
  const session = await call.connect();
  try {
    const outcome = await applyTarget(session, target, true);
    if (!isApplication(target)) return { target, outcome };
    const app = outcome.object as unknown as Application;
    const plan = await askPlan(call, target.key, app);
    return { target, outcome, plan, diff: await diffOf(call, target, plan, app) };
  } catch (err) {
    if (isNotFound(err) && newNamespaces.has(target.key.namespace ?? "")) return { target };
    throw located(target, err);
  }
}

const verbs = { created: "created", configured: "changed", unchanged: "left as it is" } as const;

function printPlan(call: Call, { target, outcome, plan, diff = "" }: Foreseen): void {
  const { io, flags } = call;
  const what = outcome === undefined ? "created in its new Namespace" : verbs[outcome.done];
  const where = `${target.manifest.file}:${target.manifest.line}`;
  io.out(`${paint(io, "bold", target.label)} would be ${what} (${where})\n`);
  if (plan === undefined) return;
  for (const { text: line, isRefusal } of planLines(plan)) {
    io.out(`  ${isRefusal ? paint(io, "red", line) : line}\n`);
  }
  if (text(flags, "output") === "wide") io.out(slotTable(plan).replaceAll(/^(?=.)/gm, "  "));
  io.out(diff);
}

function print(call: Call, all: readonly Foreseen[]): void {
  const format = text(call.flags, "output");
  if (isDocumentFormat(format)) {
    const items = all.flatMap(({ plan }) => plan ?? []);
    call.io.out(documentText(format, { apiVersion: "v1", kind: "List", items }));
    return;
  }
  for (const one of all) {
    if (format === "name") call.io.out(isChange(one) ? `${one.target.label}\n` : "");
    else printPlan(call, one);
  }
}

/** Whether something would be written or would move. */
function isChange({ outcome, plan }: Foreseen): boolean {
  if (outcome?.done !== "unchanged") return true;
  return plan !== undefined && plan.action !== "None" && plan.action !== "Held";
}

/** `lighthouse plan`. */
export const runPlan: Run = async (call) => {
  const files = texts(call.flags, "filename");
  if (files.length === 0) throw new Misuse("Missing -f FILE");
  const manifests = await readManifests(files, call.io);
  const session = await call.connect();
  const targets: Target[] = [];
  for (const manifest of manifests) targets.push(await targetOf(session, manifest));
  const namespaces = targets.filter(({ type }) => type.kind === "Namespace");
  const newNamespaces = new Set(namespaces.map(({ key }) => key.name));
  const foreseen: Foreseen[] = [];
  const refused: Error[] = [];
  for (const target of targets) {
    await foresee(call, target, newNamespaces).then(
      (one) => foreseen.push(one),
      (err: unknown) => refused.push(err instanceof Error ? err : new Error(String(err))),
    );
  }
  print(call, foreseen);
  if (refused.length > 0) throw new Error(refused.map(({ message }) => message).join("\n"));
  if (foreseen.some(({ plan }) => (plan?.refusals.length ?? 0) > 0)) return exitCode.failed;
  const isDetailed = call.flags["detailed-exitcode"] === true;
  return isDetailed && foreseen.some(isChange) ? exitCode.wouldChange : exitCode.done;
};
