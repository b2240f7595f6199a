import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStore } from "../../../api/store/open.ts";
import type { Store } from "../../../api/store/store.ts";
import { type EtcdServer, startEtcdCluster } from "../../kit/etcd.ts";
import { eventually } from "../../kit/eventually.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";
import { violations } from "../../robustness/check.ts";
import { type Load, startLoad } from "../../robustness/load.ts";
import { type ServerProcess, startServerProcess } from "../../robustness/server.ts";
import { openWitness, type Witness } from "../../robustness/truth.ts";

/** Three API servers over a cluster of three: any one of each may go at any time. */
describe.skipIf(skipReason("an etcd cluster", missingProgram("etcd")))("three by three", () => {
  const stack = new AsyncDisposableStack();
  let members: readonly EtcdServer[];
  let servers: readonly ServerProcess[];
  let store: Store;

  beforeAll(async () => {
    members = await startEtcdCluster(3);
    for (const member of members) stack.use(member);
    const url = `etcd://${members.map(({ host }) => host).join(",")}/lighthouse`;
    store = stack.use(await openStore(url));
    // The first alone, so that the three do not fill an empty store at the same time and slowly.
    const first = stack.use(await startServerProcess("one", { store: url }));
    servers = [first];
    const options = { store: url, identityOf: first };
    const others = await Promise.all(
      ["two", "three"].map((name) => startServerProcess(name, options)),
    );
    for (const server of others) stack.use(server);
    servers = [...servers, ...others];
  });
  afterAll(() => stack.disposeAsync());

  test("a token that one server has issued is known to the others", async () => {
    const [first, ...others] = servers.map((server) => server.open());
    if (first === undefined) throw new Error("No server was started");
    const path = "/api/v1/namespaces/default/serviceaccounts";
    await eventually("the account is there", async () => {
      const { code } = await first.send("POST", path, { metadata: { name: "default" } });
      return code === 201 || code === 409;
    });
    const { body } = await first.send("POST", `${path}/default/token`, {});
    const { status } = body as { readonly status: { readonly token: string } };
    const review = { spec: { token: status.token } };
    for (const other of others) {
      const answer = await other.send(
        "POST",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        review,
      );
      expect(answer.body).toMatchObject({
        status: {
          authenticated: true,
          user: { username: "system:serviceaccount:default:default" },
        },
      });
    }
  });

  /** Runs the load while `trouble` is made, lets all recover, and judges what clients were told. */
  async function judged(name: string, trouble: () => Promise<void>): Promise<Load["history"]> {
    await using witness: Witness = await openWitness(store, { run: name });
    const load = startLoad(servers, { name, pauseMs: 5 });
    try {
      await busy(load, 200);
      await trouble();
      await busy(load, load.history.writes.length + 200);
    } finally {
      await load.stop(async () => {
        await witness.catchUp();
        return witness.last();
      });
    }
    expect(violations(load.history, witness.changes).slice(0, 20)).toEqual([]);
    return load.history;
  }

  const busy = async ({ history }: Load, writes: number): Promise<void> => {
    await eventually(`${writes} writes`, () => history.writes.length >= writes, {
      timeoutMs: 60_000,
    });
  };

  test("kill -9 of an API server under load", async () => {
    const { writes, watches } = await judged("servers", async () => {
      for (const server of servers) await server.crash();
    });
    // Else the faults hit nothing, and the test would say nothing.
    expect(writes.filter(({ outcome }) => outcome === "done").length).toBeGreaterThan(100);
    expect(watches.length).toBeGreaterThan(servers.length);
  });

  test("kill -9 of each etcd member in turn under load", async () => {
    await judged("members", async () => {
      for (const member of members) {
        await member.stop("SIGKILL");
        await sleep(1_000); // how long the member is away
        await member.start();
      }
    });
  });

  test("a frozen etcd member, and a cluster without a majority for a while", async () => {
    let frozenMs = 0;
    let thawedMs = 0;
    const { writes } = await judged("majority", async () => {
      const [first, second] = members;
      first?.signal("SIGSTOP");
      await sleep(2_000); // how long it is frozen: longer than an election takes
      second?.signal("SIGSTOP");
      frozenMs = performance.now();
      await sleep(2_000); // how long there is no majority
      thawedMs = performance.now();
      first?.signal("SIGCONT");
      second?.signal("SIGCONT");
    });
    const told = writes.filter(
      ({ outcome, startMs, endMs }) => outcome === "done" && startMs > frozenMs && endMs < thawedMs,
    );
    expect(told, "acknowledged by a minority").toEqual([]);
    // Else nothing was under way, and nothing could have gone wrong.
    expect(writes.some(({ endMs }) => endMs > thawedMs)).toBe(true);
  });

  test("compaction under load, up to the newest revision", async () => {
    await judged("compaction", async () => {
      for (let round = 0; round < 5; round++) {
        await store.compact((await store.head()).revision);
        await sleep(200); // the pace of the compactions
      }
    });
    const [server] = servers;
    const old = "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=1";
    const lines: string[] = [];
    for await (const line of server?.open().lines(old, AbortSignal.timeout(5_000)) ?? []) {
      lines.push(line);
    }
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { type: "ERROR", object: { code: 410, reason: "Expired" } },
    ]);
  });
});
