import { parentPort, workerData } from "node:worker_threads";
import { Agent } from "undici";

/** Where a thread of its own sends GETs, so that its work is not counted as the server's. */
export type GetLoad = {
  readonly authority: string;
  readonly client?: { readonly certificate: string; readonly key: string };
  readonly token?: string;
};

/** One order: so many GETs of `url`, four at once. */
export type GetOrder = { readonly url: string; readonly count: number };

const width = 4;
const { authority, client, token } = workerData as GetLoad;
const keys = client === undefined ? {} : { cert: client.certificate, key: client.key };
const agent = new Agent({ connections: width, connect: { ca: authority, ...keys } });
const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };

async function get({ url, count }: GetOrder): Promise<void> {
  const { origin, pathname, search } = new URL(url);
  const place = { origin, path: `${pathname}${search}` };
  let left = count;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { statusCode, body } = await agent.request({ method: "GET", ...place, headers });
      await body.text();
      if (statusCode !== 200) throw new Error(`Cannot bench: GET answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: width }, one));
}

parentPort?.on("message", (order: GetOrder) => {
  get(order).then(
    () => parentPort?.postMessage("done", []),
    (err: unknown) => parentPort?.postMessage(String(err), []),
  );
});
