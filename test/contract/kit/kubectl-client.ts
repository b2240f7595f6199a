import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Kubectl } from "../../kit/kubectl.ts";
import { type Ran, run } from "../../kit/run.ts";
import type { SiteAddress } from "./site.ts";

/** A kubectl that runs in the background. */
export type Background = {
  /** What it printed so far, stdout and stderr as they came. */
  text(): string;
  /** Its exit code. */
  readonly ended: Promise<number>;
  kill(): void;
};

/** Input and surroundings of one call. */
export type CallOptions = {
  readonly stdin?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Integer, milliseconds; default 30 000. */
  readonly timeoutMs?: number;
};

/** One kubectl in one namespace of its own, which is the default of its kubeconfig. */
export interface KubectlClient {
  /** The minor version as a number, e.g. 32. */
  readonly minor: number;
  /** Everything one needs to name what belongs to this scenario alone, e.g. `get-1-32-k3x`. */
  readonly namespace: string;
  /** A folder for files of this scenario. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  run(args: readonly string[], options?: CallOptions): Promise<Ran>;
  /** Its stdout. @throws Error with all that it printed unless it ended with 0 */
  ok(args: readonly string[], stdin?: string): Promise<string>;
  /** Its stderr. @throws Error with all that it printed if it ended with 0 */
  fails(args: readonly string[], stdin?: string): Promise<string>;
  start(args: readonly string[], env?: NodeJS.ProcessEnv): Background;
  /** Writes a file into the folder, returns its path. */
  file(name: string, text: string, mode?: number): Promise<string>;
  /** Ends what runs in the background. */
  close(): void;
}

type KubeconfigDocument = { contexts: { context: { namespace?: string } }[] };

async function kubeconfigFor(site: SiteAddress, namespace: string, file: string): Promise<void> {
  const document = parse(await readFile(site.kubeconfig, "utf8")) as KubeconfigDocument;
  for (const { context } of document.contexts) context.namespace = namespace;
  await writeFile(file, stringify(document), { mode: 0o600 });
}

const shown = (args: readonly string[], { code, stdout, stderr }: Ran): string =>
  `kubectl ${args.join(" ")} ended with ${code}\n${stdout}${stderr}`;

function inBackground(path: string, args: readonly string[], env: NodeJS.ProcessEnv): Background {
  const child = spawn(path, args, { env: { ...process.env, ...env }, stdio: "pipe" });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  child.stdin.end();
  const ended = new Promise<number>((resolve) => {
    child.on("error", () => resolve(127));
    child.on("close", (code) => resolve(code ?? 137));
  });
  return { text: () => text, ended, kill: () => void child.kill("SIGKILL") };
}

/** A client in a namespace that exists already. Close it at the end. */
export async function openKubectl(
  site: SiteAddress,
  { path, minor = "1.99" }: Kubectl,
  namespace: string,
): Promise<KubectlClient> {
  const folder = await mkdtemp(join(site.folder, `${namespace}-`));
  const kubeconfig = join(folder, "kubeconfig");
  await kubeconfigFor(site, namespace, kubeconfig);
  // One home for each minor: kubectl keeps what it discovered there.
  const home = join(site.folder, "home", minor);
  await mkdir(home, { recursive: true });
  const env = { KUBECONFIG: kubeconfig, HOME: home, KUBE_EDITOR: "false", EDITOR: "false" };
  const background: Background[] = [];
  const call = (args: readonly string[], options: CallOptions = {}): Promise<Ran> =>
    run([path, ...args], {
      timeoutMs: 30_000,
      cwd: folder,
      ...options,
      env: { ...env, ...options.env },
    });
  const fed = (stdin: string | undefined): CallOptions => (stdin === undefined ? {} : { stdin });
  return {
    minor: Number(minor.slice(2)),
    namespace,
    folder,
    env,
    run: call,
    async ok(args, stdin) {
      const ran = await call(args, fed(stdin));
      if (ran.code !== 0) throw new Error(shown(args, ran));
      return ran.stdout;
    },
    async fails(args, stdin) {
      const ran = await call(args, fed(stdin));
      if (ran.code === 0 || ran.code === 124) throw new Error(shown(args, ran));
      return ran.stderr;
    },
    start(args, more = {}) {
      const one = inBackground(path, args, { ...env, ...more });
      background.push(one);
      return one;
    },
    async file(name, text, mode = 0o600) {
      const file = join(folder, name);
      await writeFile(file, text, { mode });
      return file;
    },
    close() {
      for (const one of background) one.kill();
    },
  };
}
