import type { Clock } from "../../api/machinery/clock.ts";
import type { Member } from "./containers.ts";
import type { ContainerFact } from "./facts.ts";
import { type Answer, check, type Probe, type Reach } from "./probe-check.ts";
import { type Count, countAnswer, nextCheckMs, noCount } from "./probe-count.ts";
import type { Verdict } from "./status.ts";

/** One run of one container that has probes. */
export type Subject = {
  readonly uid: string;
  readonly member: Member;
  readonly fact: ContainerFact;
  readonly reach: Reach;
  /** What the Pod's status says of this very run: probes of an agent before this one. */
  readonly last?: Verdict;
};

/** Asks the containers of one engine whether they are well. */
export interface Prober {
  /** These containers of the pod run now: begins and ends asking accordingly. */
  watch(uid: string, subjects: readonly Subject[]): void;
  /** What is known of the present runs of a pod, by container. */
  verdicts(uid: string): ReadonlyMap<string, Verdict>;
  /** Containers whose liveness or startup probe says that they must be restarted, and why. */
  unhealthy(uid: string): ReadonlyMap<string, string>;
  /** Ends all asking. */
  close(): void;
}

/** What a prober needs of the world. */
export type ProberOptions = {
  readonly clock: Clock;
  /** A verdict about a container of the pod changed. */
  onChange(uid: string): void;
};

const defaultTimeoutSeconds = 1;

/** The probes of one run: first startup, then readiness and liveness side by side. */
class Run {
  readonly #subject: Subject;
  readonly #options: ProberOptions;
  readonly #end = new AbortController();
  #started: boolean;
  #ready: boolean | undefined;
  /** Why it is not ready, once the probe has said so. It stays with the verdict: not each answer is news. */
  #unready: string | undefined;
  #unhealthy: string | undefined;

  constructor(subject: Subject, options: ProberOptions) {
    this.#subject = subject;
    this.#options = options;
    const { member, last } = subject;
    this.#started = member.spec.startupProbe === undefined || last?.started === true;
    // It stays ready until probes say otherwise: a new agent is no reason to take it out of use.
    this.#ready = last?.ready === true ? true : undefined;
    // Ends with its signal; whatever a check says is a value.
    void this.#run().catch(() => undefined);
  }

  get id(): string {
    return runId(this.#subject.fact);
  }

  get verdict(): Verdict {
    const { member } = this.#subject;
    return {
      started: this.#started,
      ...(member.spec.readinessProbe === undefined ? {} : { ready: this.#ready === true }),
      ...(this.#unready === undefined ? {} : { why: this.#unready }),
    };
  }

  get unhealthy(): string | undefined {
    return this.#unhealthy;
  }

  end(): void {
    this.#end.abort();
  }

  async #run(): Promise<void> {
    const { startupProbe, readinessProbe, livenessProbe } = this.#subject.member.spec;
    if (startupProbe !== undefined && !this.#started) {
      await this.#repeat(startupProbe, { quick: true }, ({ verdict, message }) => {
        if (verdict === true) this.#set(() => (this.#started = true));
        if (verdict === false) this.#fail("Startup", message);
        return verdict === undefined;
      });
      if (!this.#started) return;
    }
    await Promise.all([
      readinessProbe === undefined ? undefined : this.#watchReadiness(readinessProbe),
      livenessProbe === undefined ? undefined : this.#watchLiveness(livenessProbe),
    ]);
  }

  #watchReadiness(probe: Probe): Promise<void> {
    const first = { ...noCount, verdict: this.#ready };
    return this.#repeat(probe, { quick: true, first }, ({ verdict, message }) => {
      if (verdict === this.#ready) return true;
      this.#set(() => {
        this.#ready = verdict;
        this.#unready = verdict === false ? `Readiness probe failed: ${message}` : undefined;
      });
      return true;
    });
  }

  #watchLiveness(probe: Probe): Promise<void> {
    return this.#repeat(probe, { quick: false }, ({ verdict, message }) => {
      if (verdict !== false) return true;
      this.#fail("Liveness", message);
      return false;
    });
  }

  async #waitForDelay(probe: Probe): Promise<void> {
    const { clock } = this.#options;
    const nowMs = clock.nowMs();
    const elapsedMs = Math.max(0, nowMs - (this.#subject.fact.startedAtMs ?? nowMs));
    const delayMs = (probe.initialDelaySeconds ?? 0) * 1000 - elapsedMs;
    if (delayMs > 0) await clock.sleep(delayMs, this.#end.signal);
  }

  /** Asks until `take` has enough or the run ends. */
  async #repeat(
    probe: Probe,
    { quick, first = noCount }: { readonly quick: boolean; readonly first?: Count },
    take: (count: Count) => boolean,
  ): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#end;
    await this.#waitForDelay(probe);
    let count = first;
    let quickChecks = 0;
    for (;;) {
      const answer = await this.#ask(probe);
      if (signal.aborted) return;
      const next = countAnswer(count, answer, probe, clock.nowMs());
      if (next !== count && !take(next)) return;
      count = next;
      const eager = quick && count.verdict !== true && !answer.ok;
      await clock.sleep(nextCheckMs(probe, eager ? quickChecks : undefined), signal);
      quickChecks = eager ? quickChecks + 1 : 0;
    }
  }

  async #ask(probe: Probe): Promise<Answer> {
    const limitMs = (probe.timeoutSeconds ?? defaultTimeoutSeconds) * 1000;
    const late = new AbortController();
    const signal = AbortSignal.any([this.#end.signal, late.signal]);
    let timer: Promise<void> | undefined;
    const begin = (): AbortSignal => {
      timer ??= this.#options.clock.sleep(limitMs, signal).then(
        () => late.abort(),
        () => undefined, // answered in time
      );
      return signal;
    };
    const patience = { signal: this.#end.signal, begin };
    const answer = await check(probe, this.#subject.reach, patience);
    late.abort();
    await timer;
    return answer;
  }

  #fail(kind: string, message: string): void {
    this.#set(() => (this.#unhealthy = `${kind} probe failed: ${message}`));
  }

  #set(change: () => void): void {
    change();
    this.#options.onChange(this.#subject.uid);
  }
}

function runId({ id, startedAtMs }: ContainerFact): string {
  return `${id}@${startedAtMs ?? 0}`;
}

function hasProbes({ spec }: Member): boolean {
  return (
    spec.readinessProbe !== undefined ||
    spec.livenessProbe !== undefined ||
    spec.startupProbe !== undefined
  );
}

class RunProber implements Prober {
  readonly #options: ProberOptions;
  readonly #runs = new Map<string, Map<string, Run>>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  watch(uid: string, subjects: readonly Subject[]): void {
    const before = this.#runs.get(uid) ?? new Map<string, Run>();
    const after = new Map<string, Run>();
    for (const subject of subjects) {
      if (!hasProbes(subject.member)) continue;
      const { name } = subject.member;
      const known = before.get(name);
      const same = known !== undefined && known.id === runId(subject.fact);
      after.set(name, same ? known : new Run(subject, this.#options));
    }
    for (const [name, run] of before) if (after.get(name) !== run) run.end();
    if (after.size === 0) this.#runs.delete(uid);
    else this.#runs.set(uid, after);
  }

  verdicts(uid: string): ReadonlyMap<string, Verdict> {
    const runs = [...(this.#runs.get(uid) ?? [])];
    return new Map(runs.map(([name, run]) => [name, run.verdict]));
  }

  unhealthy(uid: string): ReadonlyMap<string, string> {
    const runs = [...(this.#runs.get(uid) ?? [])];
    return new Map(
      runs.flatMap(([name, { unhealthy }]) => (unhealthy === undefined ? [] : [[name, unhealthy]])),
    );
  }

  close(): void {
    for (const runs of this.#runs.values()) for (const run of runs.values()) run.end();
    this.#runs.clear();
  }
}

/** A prober that asks nobody yet. */
export function createProber(options: ProberOptions): Prober {
  return new RunProber(options);
}
