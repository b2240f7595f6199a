import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { describe, expect, onTestFinished, test } from "vitest";
import { issueAuthority, issueCertificate } from "../../../api/server/pki/issue.ts";
import { openStore } from "../../../api/store/open.ts";
import type { Store } from "../../../api/store/store.ts";
import { bytes, collect, text } from "../../conformance/store-kit.ts";
import { startEtcd } from "../../kit/etcd.ts";
import { eventually } from "../../kit/eventually.ts";
import { missingProgram, skipReason } from "../../kit/missing.ts";

async function open(url: string): Promise<Store> {
  const store = await openStore(url);
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

async function expectWorks(store: Store): Promise<void> {
  const at = await store.put("/a", bytes("1"), 0);
  expect(text((await store.get("/a"))?.value)).toBe("1");
  const next = await store.put("/a", bytes("2"), at);
  const events = await collect(
    store.watch("/", at, new AbortController().signal),
    (_, covered) => covered >= next,
  );
  expect(events.map(({ value }) => text(value))).toEqual(["2"]);
}

/** Certificates of one authority for a server and a client, as files. */
async function writeCertificates(): Promise<Record<"ca" | "server" | "client", [string, string]>> {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-tls-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const nowMs = Date.now();
  const ca = await issueAuthority("etcd test", nowMs);
  const server = await issueCertificate(ca, {
    identity: { user: "etcd", groups: [] },
    usage: "server",
    names: ["127.0.0.1", "localhost"],
    nowMs,
  });
  const client = await issueCertificate(ca, {
    identity: { user: "lighthouse", groups: [] },
    usage: "client",
    names: [],
    nowMs,
  });
  const write = async (name: string, pair: typeof ca): Promise<[string, string]> => {
    const paths: [string, string] = [join(dir, `${name}.crt`), join(dir, `${name}.key`)];
    await writeFile(paths[0], pair.certificate);
    await writeFile(paths[1], pair.key);
    return paths;
  };
  return {
    ca: await write("ca", ca),
    server: await write("server", server),
    client: await write("client", client),
  };
}

describe.skipIf(skipReason("access to etcd", missingProgram("etcd")))("etcd", () => {
  test("TLS with a client certificate, all three named in the URL", async () => {
    const { ca, server, client } = await writeCertificates();
    const etcd = await startEtcd({ ca: ca[0], cert: server[0], key: server[1] });
    onTestFinished(() => etcd[Symbol.asyncDispose]());
    const query = new URLSearchParams({ ca: ca[0], cert: client[0], key: client[1] });
    await expectWorks(await open(`etcd://${etcd.host}/tls?${query.toString()}`));
    const stranger = openStore(`etcds://${etcd.host}/tls`);
    await expect(stranger).rejects.toThrow(/^Cannot open the store on etcd at .*certificate/);
    const missing = openStore(`etcds://${etcd.host}/tls?ca=/nowhere/ca.pem`);
    await expect(missing).rejects.toThrow("Cannot read the etcd URL's ca file");
  });

  test("user and password, and a token that expires and is revoked meanwhile", async () => {
    const etcd = await startEtcd(undefined, ["--auth-token-ttl=1"]);
    onTestFinished(() => etcd[Symbol.asyncDispose]());
    const root = new Etcd3({ hosts: `http://${etcd.host}` });
    onTestFinished(() => {
      root.close();
    });
    const all = { permission: "Readwrite", range: root.range({ prefix: "/mine/" }) } as const;
    await root.user("root").create("root-secret");
    await root.user("root").addRole("root");
    await root.role("mine").create();
    await root.role("mine").grant(all);
    await root.user("alice").create("p@ss:word");
    await root.user("alice").addRole("mine");
    await root.auth.authEnable();

    const store = await open(`etcd://alice:p%40ss%3Aword@${etcd.host}/mine`);
    await expectWorks(store);
    const { revision } = await store.head();
    const watching = collect(store.watch("/", revision, new AbortController().signal), (events) =>
      events.some(({ key }) => key === "/late"),
    );
    await etcd.stop(); // simple tokens live in etcd's memory: all of them are gone
    await etcd.start();
    // By somebody else: the watch must get itself a new token, not profit from a write's.
    const admin = new Etcd3({
      hosts: `http://${etcd.host}`,
      auth: { username: "root", password: "root-secret" },
    });
    onTestFinished(() => {
      admin.close();
    });
    await eventually("etcd takes writes again", () => admin.put("/mine/late").value("x"));
    expect((await watching).map(({ key }) => key)).toEqual(["/late"]);
    expect(text((await store.get("/late"))?.value)).toBe("x");

    await expect(openStore(`etcd://alice:wrong@${etcd.host}/mine`)).rejects.toThrow(
      "it refuses the user",
    );
    await expect(openStore(`etcd://alice:p%40ss%3Aword@${etcd.host}/theirs`)).rejects.toThrow(
      "it refuses the user",
    );
    await expect(openStore(`etcd://${etcd.host}/mine`)).rejects.toThrow("it refuses the user");
  });
});
