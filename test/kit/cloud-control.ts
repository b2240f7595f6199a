import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Cloud, type Clouds, startInCloud } from "./clouds.ts";
import { type Lighthouse, startLighthouse } from "./lighthouse.ts";
import { type RunningProgram, runningProgram } from "./running-program.ts";
import type { Ran } from "./run.ts";

/** A control plane between the clouds, with an agent in each that it can start and stop. */
export type CloudControl = AsyncDisposable & {
  readonly lighthouse: Lighthouse;
  readonly dataDir: string;
  /** Starts the agent of a cloud on the host of that number; joins when it has no certificate yet. */
  startAgent(cloud: Cloud, number?: number): Promise<RunningProgram>;
};

async function must(running: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`It ended with ${code}\n${stdout}${stderr}`);
  return stdout;
}

/** The hosts of a cloud as its agent on one of them finds them: itself by socket, others by TLS. */
function hostsFile({ hosts, certDir }: Cloud, own: number): string {
  const rows = hosts.map(({ docker, tcpUrl }, number) =>
    number === own ? { url: docker.url } : { url: tcpUrl, tls: certDir },
  );
  return JSON.stringify({ hosts: rows.map((row, number) => ({ ...row, name: `host-${number}` })) });
}

/** Starts API server and controllers on the network between the clouds. */
export async function startCloudControl(clouds: Clouds): Promise<CloudControl> {
  await using stack = new AsyncDisposableStack();
  const dataDir = await mkdtemp(join(tmpdir(), "lh-control-"));
  stack.defer(() => rm(dataDir, { recursive: true, force: true }));
  const lighthouse = stack.use(
    await startLighthouse({
      command: "server",
      dataDir,
      docker: [],
      listen: `${clouds.internet.address}:0`,
    }),
  );
  const kubeconfig = join(dataDir, "pki", "controllers.kubeconfig");
  stack.use(runningProgram(["controllers", "--kubeconfig", kubeconfig]));
  const agents = new AsyncDisposableStack();
  const owned = stack.move();
  return {
    lighthouse,
    dataDir,
    async startAgent(cloud, number = 0) {
      const dir = join(dataDir, `${cloud.name}-${number}`);
      await mkdir(dir, { recursive: true });
      await writeFile(join(dir, "hosts.yaml"), hostsFile(cloud, number));
      const place = cloud.hosts[number]?.place;
      if (place === undefined) throw new Error(`Cannot find host ${number} of ${cloud.name}`);
      const server = new URL(lighthouse.url).host;
      const asked = ["token", "create", "--beacon", cloud.name, "--server", server];
      const link = (await must(lighthouse.cli([...asked, "--print", "link"]))).trim();
      const files = ["--hosts", join(dir, "hosts.yaml"), "--data-dir", join(dir, "agent")];
      return agents.use(startInCloud(place, ["agent", "--join", link, ...files]));
    },
    async [Symbol.asyncDispose]() {
      await agents.disposeAsync();
      await owned.disposeAsync();
    },
  };
}
