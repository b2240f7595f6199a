import { startLighthouse } from "../../test/kit/lighthouse.ts";
import { openBenchClient, type BenchClient } from "./api-client.ts";
import { median } from "./durable-writes.ts";
import type { Figure, Section } from "./figure.ts";
import { scratchDir } from "./world.ts";

const defaultRounds = 7;
const people = 50;
const goalMs = 20;
const probed = "/api/v1/namespaces/default?resourceVersion=0";
const usersPath = "/apis/lighthouse.dev/v1/users";
const password = "wet-harbour-lamp-42";

const nameOf = (index: number): string => `person-${index}`;

async function addPeople(client: BenchClient): Promise<void> {
  for (let index = 0; index < people; index += 1) {
    const name = nameOf(index);
    const type = { apiVersion: "lighthouse.dev/v1", kind: "User", metadata: { name } };
    const user = { ...type, spec: { email: `${name}@example.com` } };
    await client.send("POST", usersPath, { text: JSON.stringify(user) });
    const body = { text: JSON.stringify({ password }) };
    await client.send("PUT", `${usersPath}/${name}/password`, body);
  }
}

async function logInAll(client: BenchClient): Promise<number> {
  const begun = performance.now();
  const bodies = Array.from({ length: people }, (_, index) => ({
    text: JSON.stringify({ email: `${nameOf(index)}@example.com`, password }),
  }));
  await Promise.all(bodies.map((body) => client.send("POST", "/auth/login", body)));
  return performance.now() - begun;
}

/** How long small requests take, one after the other, until the work is done; sorted. */
async function probeWhile(client: BenchClient, work: Promise<unknown>): Promise<readonly number[]> {
  const times: number[] = [];
  const done = new AbortController();
  const ended = work.finally(() => done.abort());
  while (!done.signal.aborted) {
    const begun = performance.now();
    await client.send("GET", probed);
    times.push(performance.now() - begun);
  }
  await ended;
  return times.toSorted((left, right) => left - right);
}

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

/** What 50 people who log in at once, each over a new connection, add to the requests of others. */
export const benchLogins: Section = async (note, { rounds = defaultRounds }) => {
  await using dir = await scratchDir();
  const options = { command: "server", dataDir: dir.path, docker: [] } as const;
  await using server = await startLighthouse({ ...options, args: ["--log-level=warn"] });
  const { kubeconfig } = server;
  await using prober = await openBenchClient(kubeconfig, 1);
  await addPeople(prober);
  const added: number[] = [];
  const worst: number[] = [];
  const took: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using crowd = await openBenchClient(kubeconfig, people);
    let tookMs = 0;
    const logins = logInAll(crowd).then((ms) => (tookMs = ms));
    const during = await probeWhile(prober, logins);
    const quiet = await probeWhile(prober, new Promise((resolve) => setTimeout(resolve, tookMs)));
    added.push(at(during, 0.99) - at(quiet, 0.99));
    worst.push((during.at(-1) ?? 0) - (quiet.at(-1) ?? 0));
    took.push(tookMs);
    note(`logins took ${tookMs.toFixed(0)} ms, a GET ${at(during, 0.5).toFixed(1)} ms meanwhile`);
  }
  const figures: Figure[] = [
    {
      what: `${people} logins at once: added to the 99th percentile of a GET`,
      value: median(added),
      unit: "ms",
      atMost: goalMs,
      from: `${rounds} rounds; slowest GET +${median(worst).toFixed(0)} ms`,
    },
    { what: `${people} logins at once: until the last is in`, value: median(took), unit: "ms" },
  ];
  return figures;
};
