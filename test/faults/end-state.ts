import type { OwnedClient } from "../../api/client/create-client.ts";
import { applications, type Pod, pods } from "../../api/machinery/resources.ts";
import { verdictOf } from "../../cli/verdict.ts";
import { applicationCondition } from "../../crds/conditions.ts";
import { label } from "../../crds/labels.ts";
import type { Application } from "../../crds/types.gen.ts";
import type { ContainerState } from "../../agent/simulated/simulated-engine.ts";
import type { Ending } from "./cell.ts";
import { applicationOf, revisionOf, slotOf } from "./container-facts.ts";

/** What is there when a cell is over. */
export type EndState = {
  readonly application: Application | undefined;
  readonly pods: readonly Pod[];
  /** Of the Application, on all hosts. */
  readonly containers: readonly ContainerState[];
};

/** What the end is measured by. */
export type Expected = {
  readonly ending: Ending;
  /** The Revision that must run after each ending; absent: nothing. */
  readonly completed: string;
  readonly rolledBack: string | undefined;
  readonly slots: readonly string[];
  /** `spec` as the user wrote it, in so far as the user wrote it. */
  readonly spec: Application["spec"];
};

/** Reads everything that is judged. */
export async function lookAt(
  client: OwnedClient,
  application: string,
  containers: readonly ContainerState[],
): Promise<EndState> {
  const key = { namespace: "default", name: application };
  const selector = { namespace: "default", labelSelector: `${label.application}=${application}` };
  const [found, { items }] = await Promise.all([
    client.get(applications, key),
    client.list(pods, selector),
  ]);
  const own = containers.filter((one) => applicationOf(one) === application);
  return { application: found, pods: items, containers: own };
}

function conditionsOf({ status }: Application): ReadonlyMap<string, string> {
  return new Map((status?.conditions ?? []).map(({ type, status: value }) => [type, value]));
}

/** G13: phase, conditions and verdict say the same. */
function verdictProblems(application: Application, isGood: boolean): readonly string[] {
  const conditions = conditionsOf(application);
  const { state } = verdictOf(application);
  const want: readonly (readonly [string, string])[] = [
    [applicationCondition.ready, isGood ? "True" : "False"],
    [applicationCondition.progressing, "False"],
    [applicationCondition.rolledBack, isGood ? "False" : "True"],
  ];
  const wrong = want.filter(([type, value]) => conditions.get(type) !== value);
  const wanted = isGood ? "Succeeded" : "Failed";
  return [
    ...wrong.map(([type, value]) => `G13: condition ${type} is not ${value}`),
    ...(state === wanted ? [] : [`G13: the verdict is ${state}, not ${wanted}`]),
  ];
}

/** Whether all that `wanted` says is so in `found`. */
function holds(wanted: unknown, found: unknown): boolean {
  if (typeof wanted !== "object" || wanted === null) return Object.is(wanted, found);
  if (typeof found !== "object" || found === null) return false;
  const known = found as Readonly<Record<string, unknown>>;
  return Object.entries(wanted).every(([key, value]) => holds(value, known[key]));
}

/** G2 and G5: every slot runs the one revision, and nothing else is left. */
function placeProblems(state: EndState, revision: string | undefined, slots: readonly string[]) {
  const about = (one: ContainerState): string => `${revisionOf(one)} in slot ${slotOf(one)}`;
  const bySlot = Map.groupBy(state.containers, slotOf);
  const alien = state.containers.filter((one) => revisionOf(one) !== revision);
  const idle = state.containers.filter(({ running }) => !running);
  const images = new Set(state.containers.map(({ imageId }) => imageId));
  return [
    ...alien.map((one) => `G5: a container of ${about(one)} is left`),
    ...idle.map((one) => `G2: the container of ${about(one)} does not run`),
    ...slots
      .filter((slot) => (bySlot.get(slot) ?? []).length !== 1)
      .map((slot) => `G2: slot ${slot} has ${(bySlot.get(slot) ?? []).length} containers`),
    ...(images.size > 1 ? [`G9: ${images.size} images run`] : []),
  ];
}

function podProblems({ pods: list }: EndState, revision: string | undefined, count: number) {
  const alien = list.filter(({ metadata }) => metadata.labels?.[label.revision] !== revision);
  const notReady = list.filter(
    ({ status }) =>
      !status?.conditions?.some((one) => one.type === "Ready" && one.status === "True"),
  );
  return [
    ...alien.map(({ metadata }) => `G5: pod ${metadata.name} is left`),
    ...notReady.map(({ metadata }) => `pod ${metadata.name} is not Ready`),
    ...(list.length === count ? [] : [`there are ${list.length} pods, not ${count}`]),
  ];
}

/** G2, G7, G11: how it ended, and on what. */
function endProblems(
  { spec, status }: Application,
  { ending, spec: written }: Expected,
  revision: string | undefined,
): readonly string[] {
  const { phase, message } = status?.rollout ?? {};
  const current = status?.currentRevision;
  const isWrong = ending !== "any" && ending !== phase;
  return [
    ...(isWrong ? [`G11: it ended ${phase}, not ${ending}: ${message}`] : []),
    ...(current === revision ? [] : [`G2: currentRevision is ${current}, not ${revision}`]),
    ...(holds(written, spec) ? [] : ["G7: spec is not what the user wrote"]),
  ];
}

/** Everything that is not as it must be at the end; none when all guarantees hold. */
export function problemsOf(state: EndState, expected: Expected): readonly string[] {
  const { application } = state;
  if (application === undefined) return ["the Application is gone"];
  const phase = application.status?.rollout?.phase;
  if (phase !== "Completed" && phase !== "RolledBack") return [`G6: it is still ${phase}`];
  const isGood = phase === "Completed";
  const revision = isGood ? expected.completed : expected.rolledBack;
  const slots = revision === undefined ? [] : expected.slots;
  return [
    ...endProblems(application, expected, revision),
    ...verdictProblems(application, isGood),
    ...placeProblems(state, revision, slots),
    ...podProblems(state, revision, slots.length),
  ];
}
