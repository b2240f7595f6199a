import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Etcd3 } from "etcd3";
import { describe, expect, onTestFinished, test } from "vitest";
import { issueAuthority, issueCertificate, type KeyPair } from "../../../api/server/pki/issue.ts";
import { connectEtcd } from "../../../api/store/etcd-client.ts";
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

type Files = readonly [certificate: string, key: string];

/** Certificates of one authority for a server and a client, as files; `issue` makes more. */
async function writeCertificates() {
  const dir = await mkdtemp(join(tmpdir(), "lighthouse-tls-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const own = await issueAuthority("etcd test", Date.now());
  const write = async (name: string, pair: KeyPair): Promise<Files> => {
    const paths = [join(dir, `${name}.crt`), join(dir, `${name}.key`)] as const;
    await writeFile(paths[0], pair.certificate);
    await writeFile(paths[1], pair.key);
    return paths;
  };
  /** With names it is a server's, else a client's. */
  const issue = async (
    name: string,
    authority: KeyPair = own,
    names: readonly string[] = [],
    nowMs = Date.now(),
  ): Promise<Files> => {
    const usage = names.length > 0 ? "server" : "client";
    const identity = { user: name, groups: [] };
    if (authority !== own) await write(`${name}-ca`, authority);
    return write(name, await issueCertificate(authority, { identity, usage, names, nowMs }));
  };
  return {
    dir,
    issue,
    ca: await write("ca", own),
    server: await issue("server", own, ["127.0.0.1", "localhost"]),
    client: await issue("client"),
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

  test("a server of another authority, of another name, and a client that is too late", async () => {
    const { dir, ca, server, client, issue } = await writeCertificates();
    const other = await issue("other", await issueAuthority("other", Date.now()), ["127.0.0.1"]);
    const etcd = await startEtcd({ ca: ca[0], cert: server[0], key: server[1] });
    onTestFinished(() => etcd[Symbol.asyncDispose]());
    const tls = (files: Record<string, string>): Promise<Store> =>
      openStore(`etcds://${etcd.host}/x?${new URLSearchParams(files).toString()}`);
    const pair = { cert: client[0], key: client[1] };
    await expect(tls({ ca: join(dir, "other-ca.crt"), ...pair })).rejects.toThrow(
      /^Cannot open the store on etcd at .*certificate/,
    );
    await expect(tls({ ca: ca[0], cert: client[0], key: other[1] })).rejects.toThrow(
      /other\.key for etcd: it is not the key of the client certificate/,
    );
    await expect(tls({ ca: ca[0], cert: ca[1], key: client[1] })).rejects.toThrow(
      /ca\.key for etcd: it does not hold a certificate in PEM/,
    );
    const late = await issue("late", undefined, [], Date.now() - 400 * 86_400_000);
    await expect(tls({ ca: ca[0], cert: late[0], key: late[1] })).rejects.toThrow(
      /late\.crt for etcd: it expired on 20/,
    );
    const elsewhere = await issue("elsewhere", undefined, ["etcd.example.com"]);
    await etcd.stop();
    const impostor = await startEtcd({ ca: ca[0], cert: elsewhere[0], key: elsewhere[1] });
    onTestFinished(() => impostor[Symbol.asyncDispose]());
    const query = new URLSearchParams({ ca: ca[0], ...pair }).toString();
    await expect(openStore(`etcds://${impostor.host}/x?${query}`)).rejects.toThrow(
      /does not match certificate's altnames|certificate/,
    );
  });

  test("files that change are taken up, those that are wrong are not", async () => {
    const { ca, server, client, issue } = await writeCertificates();
    const etcd = await startEtcd({ ca: ca[0], cert: server[0], key: server[1] });
    onTestFinished(() => etcd[Symbol.asyncDispose]());
    const tls = { ca: ca[0], cert: client[0], key: client[1] };
    const etcdClient = await connectEtcd(
      { driver: "etcd", hosts: [etcd.host], prefix: "", tls },
      50,
    );
    onTestFinished(() => etcdClient.close());
    const ask = () => etcdClient.range({ key: Buffer.from("/a") });
    await ask();
    const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
    const good = await readFile(client[1]);
    await writeFile(client[1], "nonsense");
    expect((await warned).message).toMatch(/client\.key for etcd: .*the former files stay in use/);
    await ask();
    await writeFile(client[1], good);
    // etcd gets another authority: only new files help.
    const nextCa = await issueAuthority("etcd test", Date.now());
    const next = await issue("next", nextCa, ["127.0.0.1"]);
    const renewed = await issue("renewed", nextCa, []);
    await etcd.stop();
    await Promise.all([
      writeFile(ca[0], nextCa.certificate),
      copyFile(next[0], server[0]),
      copyFile(next[1], server[1]),
      copyFile(renewed[0], client[0]),
      copyFile(renewed[1], client[1]),
    ]);
    await etcd.start();
    await eventually("the new files are used", ask);
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
