import { setTimeout as sleep } from "node:timers/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Figure } from "../bench/figure.ts";
import { eventually } from "../../test/kit/eventually.ts";
import { type Beside, watchBeside } from "./beside.ts";
import { type ExecClient, openExec, runExec } from "./exec-client.ts";
import { inCrowd } from "./crowd.ts";
import { cancelledLog, openLogSessions, vanishingLog } from "./log-client.ts";
import {
  commandOf,
  largeBytes,
  largeFile,
  smallExec,
  type SoakRig,
  soakPod,
  type Trial,
  whoIs,
} from "./rig.ts";

/** Beside a crowd, a small exec may take so long; the machine is busy with the crowd's other end, too. */
const besideMs = 1_000;
/** A peer that does not answer is found out within ten seconds; the rest is for those who look. */
const noticedS = 13;
/** The longest wait between two dials, and one dial. */
const backS = 35;

const none = (what: string, failures: readonly string[]): Figure => ({
  what,
  value: failures.length,
  unit: "",
  atMost: 0,
  ...(failures[0] === undefined ? {} : { from: failures[0].slice(0, 80) }),
});

function besideFigures(trial: string, { p50, p99, count, failures }: Beside): readonly Figure[] {
  const from = `p50 ${p50.toFixed(0)} ms, ${count} calls`;
  return [
    { what: `${trial}: a small exec beside, p99`, value: p99, unit: "ms", atMost: besideMs, from },
    none(`${trial}: small execs beside that failed`, failures),
  ];
}

async function refusalOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "it was let in",
    (err: unknown) => String(err),
  );
}

/** Opens that many shells and waits until each has answered. */
async function openShells(rig: SoakRig, count: number): Promise<readonly ExecClient[]> {
  const clients: ExecClient[] = [];
  await inCrowd(count, 50, async (at) => {
    const client = await openExec(whoIs(rig, at), commandOf("sh"));
    clients[at] = client;
    client.send(`echo hello-${at}\n`);
    await client.untilOutput(`hello-${at}\n`);
  });
  return clients;
}

/** 2,000 shells at once: each answers, ends with its own code, and one more is refused. */
export const manyExecs: Trial = async (rig) => {
  const { execs } = rig.amounts;
  const begun = performance.now();
  const clients = await openShells(rig, execs);
  const seconds = (performance.now() - begun) / 1_000;
  rig.note(`${execs} shells are open after ${seconds.toFixed(1)} s`);
  const ping = `/api/v1/nodes/${rig.world.node}/proxy/_ping`;
  const beside = watchBeside(async () => {
    const { body } = await rig.world.client.raw({ method: "GET", path: ping });
    for await (const _chunk of body);
  });
  const wrong: string[] = [];
  for (let turn = 0; turn < 3; turn++)
    await Promise.all(
      clients.map(async (client, at) => {
        client.send(`echo turn-${turn}-${at}\n`);
        await client
          .untilOutput(`turn-${turn}-${at}\n`)
          .catch((err: unknown) => wrong.push(String(err)));
      }),
    );
  const seen = await beside();
  const refused = execs < 2_000 ? "429" : await refusalOf(smallExec(rig));
  await Promise.all(
    clients.map(async (client, at) => {
      client.send(`exit ${at % 200}\n`);
      const code = await client.exitCode.catch((err: unknown) => String(err));
      if (code !== at % 200) wrong.push(`exit code ${code} instead of ${at % 200}`);
    }),
  );
  clients.forEach((client) => client.vanish());
  const what = `${execs} execs`;
  return [
    { what: `${what}: opened`, value: seconds, unit: "s" },
    {
      what: `${what}: GET _ping beside, p99`,
      value: seen.p99,
      unit: "ms",
      atMost: besideMs,
      from: `p50 ${seen.p50.toFixed(0)} ms, ${seen.count} calls`,
    },
    none(`${what}: calls beside that failed`, seen.failures),
    none(`${what}: wrong output or exit code`, wrong),
    none(`${what}: one more is not refused`, refused.includes("429") ? [] : [refused]),
  ];
};

/** 10,000 logs that are followed and left in every way: by a reset, or by a connection that is gone. */
export const cancelledLogs: Trial = async (rig) => {
  const { logs } = rig.amounts;
  const { access } = rig.world;
  const beside = watchBeside(() => smallExec(rig));
  using sessions = openLogSessions(access);
  const failures: string[] = [];
  const leave = (at: number): Promise<void> => {
    const afterMs = at % 2 === 0 ? undefined : at % 25;
    const alone = at % 8 < 2; // a connection each costs most of the time
    if (alone) return vanishingLog(access, soakPod, afterMs);
    return cancelledLog(sessions.next(), soakPod, afterMs);
  };
  const begun = performance.now();
  await inCrowd(logs, 40, (at) =>
    leave(at).catch((err: unknown) => void failures.push(String(err))),
  );
  rig.note(`${logs} logs are left after ${((performance.now() - begun) / 1_000).toFixed(1)} s`);
  const what = `${logs} cancelled logs`;
  return [none(`${what}: that never came`, failures), ...besideFigures(what, await beside())];
};

/** Clients that stop reading in the middle: nobody else is held up, and those who read on get all of it. */
export const stalledReaders: Trial = async (rig) => {
  const count = 20;
  const clients = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const client = await openExec(whoIs(rig, at), commandOf("cat", largeFile));
      client.pause();
      return client;
    }),
  );
  await sleep(2_000); // until nothing more fits in between
  const beside = watchBeside(() => smallExec(rig));
  await sleep(10_000);
  const seen = await beside();
  const wrong: string[] = [];
  const [leaving, reading] = [clients.slice(0, count / 2), clients.slice(count / 2)];
  leaving.forEach((client) => client.vanish());
  await Promise.all(
    reading.map(async (client) => {
      client.resume();
      const code = await client.exitCode.catch((err: unknown) => String(err));
      if (code !== 0 || client.received !== largeBytes)
        wrong.push(`${client.received} bytes, ${code}`);
      client.vanish();
    }),
  );
  const what = `${count} stalled readers`;
  return [...besideFigures(what, seen), none(`${what}: that read on and did not get all`, wrong)];
};

/** Seconds until a small exec succeeds. */
async function secondsUntilBack(rig: SoakRig): Promise<number> {
  const begun = performance.now();
  await eventually("a small exec succeeds", () => smallExec(rig), {
    timeoutMs: 90_000,
    intervalMs: 100,
  });
  return (performance.now() - begun) / 1_000;
}

/** What happens to those who are connected while nothing comes from the other end. */
async function silence(
  rig: SoakRig,
  begin: () => void,
  end: () => void,
): Promise<{ readonly noticed: number; readonly back: number }> {
  const clients = await openShells(rig, 50);
  begin();
  const begun = performance.now();
  await Promise.all(clients.map(({ exitCode }) => exitCode.catch(() => undefined)));
  const noticed = (performance.now() - begun) / 1_000;
  await sleep(2_000);
  end();
  const back = await secondsUntilBack(rig);
  clients.forEach((client) => client.vanish());
  rig.note(`noticed after ${noticed.toFixed(1)} s, back ${back.toFixed(1)} s after its end`);
  return { noticed, back };
}

async function silences(
  rig: SoakRig,
  what: string,
  begin: () => void,
  end: () => void,
): Promise<readonly Figure[]> {
  const seen: { readonly noticed: number; readonly back: number }[] = [];
  try {
    for (let round = 0; round < rig.amounts.rounds; round++)
      seen.push(await silence(rig, begin, end));
  } finally {
    end();
  }
  const worst = (of: "noticed" | "back"): number => Math.max(...seen.map((one) => one[of]));
  return [
    { what: `${what}: execs end after`, value: worst("noticed"), unit: "s", atMost: noticedS },
    { what: `${what}: back after its end`, value: worst("back"), unit: "s", atMost: backS },
  ];
}

/** The agent's process stands still: its kernel keeps the connection open and takes what comes. */
export const frozenAgent: Trial = (rig) => {
  const { pid } = rig.world.agent;
  return silences(
    rig,
    "frozen agent",
    () => process.kill(pid, "SIGSTOP"),
    () => process.kill(pid, "SIGCONT"),
  );
};

/** Somebody on the way passes nothing on, and closes nothing. */
export const deafNetwork: Trial = (rig) =>
  silences(
    rig,
    "deaf network",
    () => rig.proxy.set({ frozen: true }),
    () => rig.proxy.set({ frozen: false }),
  );

/** How the kernel's own emulator answers; most containers have none. */
async function netemAnswer(namespace: string): Promise<string> {
  const argv = `--net=/run/netns/${namespace} tc qdisc add dev eth0 root netem delay 20ms loss 3%`;
  return promisify(execFile)("nsenter", argv.split(" ")).then(
    () => "netem works",
    (err: unknown) =>
      `no netem: ${String((err as { readonly stderr?: string }).stderr ?? err).trim()}`,
  );
}

/** 3 % of all packets are lost in both directions, and the rest is 20 ms late: slower, and nothing wrong. */
export const badWeather: Trial = async (rig) => {
  const { gateway, proxy, world, note } = rig;
  if (gateway === undefined) {
    note("skipped: packets can be lost by root alone");
    return [];
  }
  note(await netemAnswer(gateway.outside.namespace));
  await gateway.lose(0.03);
  proxy.set({ delayMs: 20 });
  const failures: string[] = [];
  try {
    await inCrowd(300, 20, async (at) => {
      const command = {
        ...commandOf("sh", "-c", `echo storm-${at}; exit ${at % 7}`),
        expected: `storm-${at}\n`,
        code: at % 7,
      };
      await runExec(whoIs(rig, at), command).catch((err: unknown) => failures.push(String(err)));
    });
    await inCrowd(300, 20, (at) =>
      vanishingLog(world.access, soakPod, undefined).catch(
        (err: unknown) => void failures.push(`log ${at}: ${String(err)}`),
      ),
    );
    await inCrowd(4, 4, async (at) => {
      const client = await openExec(whoIs(rig, at), commandOf("cat", largeFile));
      const code = await client.exitCode.catch(String);
      if (code !== 0 || client.received !== largeBytes)
        failures.push(`${client.received} bytes, ${code}`);
      client.vanish();
    });
  } finally {
    proxy.set({ delayMs: 0 });
    await gateway.lose(0);
  }
  return [none("3 % loss and 20 ms delay: execs, logs and files gone wrong", failures)];
};

/** The server is stopped and killed again and again while execs go on: each succeeds or says that it did not. */
export const restarts: Trial = async (rig) => {
  const wrong: string[] = [];
  let ok = 0;
  let cut = 0;
  const end = new AbortController();
  const work = async (worker: number): Promise<void> => {
    for (let at = 0; !end.signal.aborted; at++) {
      const text = `${worker}-${at}`;
      const code = at % 5;
      const command = {
        ...commandOf("sh", "-c", `echo ${text}; exit ${code}`),
        expected: `${text}\n`,
        code,
      };
      await runExec(whoIs(rig, worker), command).then(
        () => (ok += 1),
        (err: unknown) => {
          cut += 1;
          if (String(err).includes("instead of")) wrong.push(String(err));
        },
      );
      await sleep(50);
    }
  };
  const workers = Promise.all(Array.from({ length: 10 }, (_, at) => work(at)));
  const backs: number[] = [];
  for (let round = 0; round < rig.amounts.rounds; round++) {
    await sleep(1_000);
    await rig.world.restart(round % 2 === 0 ? "SIGTERM" : "SIGKILL");
    backs.push(await secondsUntilBack(rig));
    rig.note(`restart ${round + 1}: back ${backs.at(-1)?.toFixed(1)} s after the ready line`);
  }
  end.abort();
  await workers;
  rig.note(`${ok} execs went well, ${cut} were cut or refused`);
  return [
    none("restarts: wrong exit codes", wrong),
    {
      what: "restarts: back after the ready line",
      value: Math.max(...backs),
      unit: "s",
      atMost: backS,
    },
  ];
};
