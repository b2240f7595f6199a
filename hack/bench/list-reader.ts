// A thread that reads one URL again and again and looks at nothing of it: see api-reads.ts.
import { Agent, get } from "node:https";
import { workerData } from "node:worker_threads";

type Work = {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly url: string;
  readonly times: number;
};

const { url, times, ...tls } = workerData as Work;
const agent = new Agent({ ...tls, keepAlive: true });

const read = (): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = get(url, { agent }, (response) => {
      response.on("end", resolve).on("error", reject).resume();
    });
    request.on("error", reject);
  });

for (let i = 0; i < times; i++) await read();
agent.destroy();
