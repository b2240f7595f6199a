import type { HealthcheckSpec } from "../engine/container-spec.ts";
import { envOf, healthcheckOf, type SimulatedContainer } from "./container.ts";
import { startProcess } from "./process.ts";
import { findProgram } from "./shell.ts";
import type { World } from "./world.ts";

const defaultIntervalMs = 30_000;
const defaultRetries = 3;

async function probe(container: SimulatedContainer, check: HealthcheckSpec): Promise<number> {
  const [kind, ...words] = check.Test ?? [];
  const argv = kind === "CMD-SHELL" ? ["sh", "-c", ...words] : words;
  const program = findProgram(argv[0] ?? "");
  if (program === undefined) return container.image.pretended ? 0 : 1;
  const around = {
    argv,
    env: envOf(container),
    hostname: container.name,
    files: container.files,
    write: () => undefined,
    serve: () => Promise.resolve(),
  };
  return startProcess(program, around, true).ended;
}

function judge(
  { now }: World,
  container: SimulatedContainer,
  check: HealthcheckSpec,
  code: number,
): void {
  const { health } = container;
  if (health === undefined) return;
  const Log = [{ Output: code === 0 ? "" : `exit code ${code}`, ExitCode: code }];
  if (code === 0) {
    container.health = { Status: "healthy", FailingStreak: 0, Log };
    return;
  }
  const young = now() - container.startedAtMs < (check.StartPeriod ?? 0) / 1e6;
  if (young && health.Status === "starting") return;
  const FailingStreak = health.FailingStreak + 1;
  const retries = check.Retries || defaultRetries;
  const Status = FailingStreak >= retries ? "unhealthy" : health.Status;
  container.health = { Status, FailingStreak, Log };
}

/** Runs the health check of a container that just started, until it ends. */
export function followHealth(world: World, container: SimulatedContainer): void {
  const check = healthcheckOf(container);
  container.health = undefined;
  if (check === undefined) return;
  container.health = { Status: "starting", FailingStreak: 0, Log: [] };
  const intervalMs = check.Interval ? check.Interval / 1e6 : defaultIntervalMs;
  const timer = setInterval(() => {
    const before = container.health?.Status;
    void probe(container, check).then((code) => {
      if (container.phase !== "running") return;
      judge(world, container, check, code);
      const now = container.health?.Status;
      if (now !== undefined && now !== before) world.tell(container, `health_status: ${now}`);
    }); // a probe resolves whatever happens
  }, intervalMs);
  timer.unref();
  container.onExit.add(() => clearInterval(timer));
}
