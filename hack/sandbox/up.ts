/**
 * The work of hack/up: an engine, the example's images, `lighthouse up` in the background, and the
 * example rolled out before your eyes.
 */
import { spawn } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Choice, chooseEngine, makeExampleImages } from "./engine.ts";
import { kubeconfig, lighthouse, home, makeHome, program, setupLink } from "./places.ts";
import { logSince, runningPid, startDaemon } from "./process.ts";

const usage = `Usage: hack/up [--yes] [--docker URL] [--listen HOST:PORT] [--store URL] [--simulate]

From a fresh clone to a running Lighthouse with one Application rolled out.

  --yes               answer questions (installing and starting a private Docker) with yes
  --docker URL        this Docker Engine (default: $DOCKER_HOST, then unix:///var/run/docker.sock)
  --listen HOST:PORT  where the API is served (default: 127.0.0.1:6443, or a free port if it is taken)
  --store URL         etcd://HOST:PORT (default: embedded, in .lighthouse/)
  --simulate          no Docker: an engine inside the process that runs nothing

hack/down stops it again.
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const { values } = parseArgs({
  options: {
    yes: { type: "boolean", default: false },
    docker: { type: "string" },
    listen: { type: "string" },
    store: { type: "string" },
    simulate: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

function loudly(): void {
  const line = "*".repeat(72);
  say(`${line}
  SIMULATED: no Docker Engine can run here. An engine inside the process
  answers in its place. Nothing that you see runs is a real container.
${line}`);
}

async function waitUntilReady(offset: number): Promise<string> {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const log = await logSince(lighthouse, offset);
    const url = /Lighthouse is ready at ([^\s,]+)/.exec(log)?.[1];
    if (url !== undefined) return url;
    if ((await runningPid(lighthouse)) === undefined) {
      throw new Error(`lighthouse up ended:\n${log.trimEnd()}`);
    }
    await sleep(50);
  }
  throw new Error(`lighthouse up is not ready after 60 s, see ${lighthouse.logFile}`);
}

async function startLighthouse(choice: Choice, listen: string): Promise<string> {
  const offset = (await stat(lighthouse.logFile).catch(() => undefined))?.size ?? 0;
  await startDaemon(lighthouse, [
    process.execPath,
    program,
    "up",
    `--data-dir=${home}/data`,
    `--encryption-keys=${home}/encryption-keys.yaml`,
    `--kubeconfig=${kubeconfig}`,
    `--listen=${listen}`,
    ...(choice.kind === "simulated" ? ["--simulate"] : [`--docker=${choice.url}`]),
    ...(values.store === undefined ? [] : [`--store=${values.store}`]),
  ]);
  return waitUntilReady(offset);
}

async function start(choice: Choice): Promise<void> {
  const before = await runningPid(lighthouse);
  if (before !== undefined) {
    say(`Lighthouse runs already (pid ${before})`);
    return;
  }
  say("Starting lighthouse up ...");
  const wanted = values.listen ?? "127.0.0.1:6443";
  const url = await startLighthouse(choice, wanted).catch((err: unknown) => {
    const taken = err instanceof Error && /in use/.test(err.message);
    if (!taken || values.listen !== undefined) throw err;
    say(`${wanted} is taken by somebody else, using a free port`);
    return startLighthouse(choice, "127.0.0.1:0");
  });
  say(`Lighthouse is ready at ${url}, log: ${lighthouse.logFile}`);
}

/** The CLI with our terminal, so that its progress is live. */
function cli(...args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: "inherit",
    env: { ...process.env, KUBECONFIG: kubeconfig },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

function nextSteps(): void {
  say(`
Try next:

  export KUBECONFIG=${kubeconfig} PATH=${program.replace(/\/cli\/.*/, "/hack")}:$PATH

  kubectl get applications,revisions,pods,nodes -o wide
  kubectl explain application.spec.strategy
  kubectl scale application/web --replicas=5

  lighthouse describe app web
  lighthouse apply -f manifests/examples/web-v2.yaml --wait
  lighthouse apply -f manifests/examples/web-broken.yaml --wait   # rolled back, exit code 1
  lighthouse rollout history web
  lighthouse logs app/web -f
  lighthouse whoami; lighthouse bench security --data-dir ${home}/data

  hack/down                                                      # stop; --delete removes all of it`);
}

/** People log in once there is a user; the kubeconfig above needs none. */
async function tellSetupLink(): Promise<void> {
  const link = await readFile(setupLink, "utf8").catch(() => "");
  if (link !== "")
    say(`\nThe first user is made here, once, see docs/users.md:\n\n  ${link.trim()}`);
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  await makeHome();
  const choice = await chooseEngine(values.docker, values);
  if (choice.kind === "simulated") loudly();
  else await makeExampleImages(choice.url);
  await start(choice);
  say("\nRolling out manifests/examples/web.yaml");
  const code = await cli("apply", "-f", "manifests/examples/web.yaml", "--wait", "--timeout=120s");
  await cli("get", "app,rev,pods,nodes");
  if (code === 0) nextSteps();
  await tellSetupLink();
  return code;
}

try {
  process.exitCode = await main();
} catch (err) {
  process.stderr.write(`hack/up: ${err instanceof Error ? err.message : String(err)}\n`);
  process.exitCode = 1;
}
