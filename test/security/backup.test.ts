import { generateKeyPairSync, randomInt } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBackup, sealBackup } from "../../api/backup/backup-file.ts";
import type { Opener } from "../../api/backup/locks.ts";
import { type BackupRecord, decodeRecords, encodeRecord } from "../../api/backup/records.ts";
import { restoreBackup } from "../../api/server/backup/restore.ts";
import { beginRestore } from "../../api/store/restoring.ts";
import { inProcessClient } from "../../cli/commands/run-parts.ts";
import { type AttackRig, openAttackRig } from "./kit/rig.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const cost = { memoryKiB: 64, passes: 1, lanes: 1 };
const passphrase = { type: "passphrase", passphrase: "correct horse battery" } as const;

async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("backups", () => {
  let rig: AttackRig;
  let root: string;
  let records: readonly BackupRecord[];

  beforeAll(async () => {
    rig = await openAttackRig();
    root = await mkdtemp(join(tmpdir(), "lighthouse-backup-attack-"));
    await rig.arrange("POST", "/api/v1/namespaces/default/secrets", {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "login" },
      stringData: { password: "hunter2 hunter2" },
    });
    await using client = inProcessClient(rig.server.admin, "test");
    const { body } = await client.raw({ method: "GET", path: "/backup" });
    records = await Array.fromAsync(decodeRecords(body));
  });
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });

  const about = () => {
    const [first] = records;
    if (first?.type !== "about") throw new Error("The backup does not begin with what it is");
    return first.about;
  };
  const sealed = async (from = records): Promise<Buffer> => {
    const plain = streamOf(...from.map(encodeRecord));
    return Buffer.concat(
      await Array.fromAsync(sealBackup(about(), [{ ...passphrase, cost }], plain)),
    );
  };
  const restored = (file: Buffer, dataDir: string, opener: Opener = passphrase) =>
    restoreBackup({
      async *read() {
        yield* (await openBackup(streamOf(file))).records(opener);
      },
      dataDir,
      begin: (seen) => beginRestore(`lmdb://${dataDir}/store`, seen),
      encrypted: async (store) => ({ store, [Symbol.asyncDispose]: async () => {} }),
      nowMs: Date.now(),
    });

  test("everything else is no right to them: not all resources, not all of a namespace", async () => {
    await rig.arrange("POST", `${rbac}/clusterroles`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "all-objects" },
      rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }],
    });
    await rig.arrange("POST", `${rbac}/clusterrolebindings`, {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: "all-objects" },
      roleRef: {
        apiGroup: "rbac.authorization.k8s.io",
        kind: "ClusterRole",
        name: "all-objects",
      },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "ops" }],
    });
    const ops = await rig.as("ops");
    expect((await rig.send("GET", "/api/v1/secrets", { as: ops })).status).toBe(200);
    for (const path of ["/backup", "/backup/", "/backup?x=/healthz", "//backup", "/%62ackup"]) {
      const reply = await rig.send("GET", path, { as: ops });
      expect([403, 404], `${path} ${reply.status}`).toContain(reply.status);
      expect(reply.text).not.toContain("PRIVATE KEY");
    }
    expect((await rig.send("GET", "/backup")).status).toBe(401);
    const event = await rig.audited(
      "the refusal",
      ({ user, requestURI, responseStatus }) =>
        user.username === "ops" && requestURI === "/backup" && responseStatus?.code === 403,
    );
    expect(event.verb).toBe("get");
    await rig.stillServes();
  });

  test("who takes one is on record, without what is in it", async () => {
    const event = await rig.audited(
      "the backup",
      ({ user, requestURI, responseStatus }) =>
        user.username === "admin" && requestURI === "/backup" && responseStatus?.code === 200,
    );
    expect(JSON.stringify(event)).not.toContain("PRIVATE KEY");
  });

  test("readers that hang or leave cost the server nothing", async () => {
    await using client = inProcessClient(rig.server.admin, "test");
    for (let i = 0; i < 10; i += 1) {
      const { body } = await client.raw({ method: "GET", path: "/backup" });
      const reader = body[Symbol.asyncIterator]();
      await reader.next();
      await reader.return?.();
    }
    await rig.stillServes();
  });

  test("no change of the file goes unnoticed, and nothing of a changed one is restored", async () => {
    const file = await sealed();
    expect(file.includes("hunter2")).toBe(false);
    const changes: readonly ((bytes: Buffer, at: number) => Buffer)[] = [
      (bytes, at) => (bytes.writeUInt8((bytes[at] ?? 0) ^ (1 << randomInt(8)), at), bytes),
      (bytes, at) => bytes.subarray(0, at),
      (bytes, at) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]),
      (bytes, at) => Buffer.concat([bytes.subarray(0, at), Buffer.of(0), bytes.subarray(at)]),
    ];
    for (let i = 0; i < 120; i += 1) {
      const at = randomInt(file.length);
      const changed = changes[i % changes.length]?.(Buffer.from(file), at) ?? file;
      if (changed.equals(file)) continue;
      const dataDir = join(root, `changed-${i}`);
      await expect(restored(changed, dataDir), `change ${i % 4} at ${at}`).rejects.toThrow(
        /^Cannot (read|open) the backup/,
      );
      await expect(readdir(dataDir)).rejects.toThrow("ENOENT");
    }
  });

  test("a backup that somebody made for our public key leads nowhere else", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const names = [
      "../../evil",
      "/etc/cron.d/evil",
      "pki/../../evil",
      ".ssh",
      "a\0b",
      "x".repeat(300),
    ];
    for (const name of names) {
      const forged = [
        ...records.slice(0, 2),
        { type: "file", name, value: Buffer.from("* * * * * root id") } as const,
        ...records.slice(2),
      ];
      const plain = streamOf(...forged.map(encodeRecord));
      const locks = [{ type: "recipient", publicKey }] as const;
      const file = Buffer.concat(await Array.fromAsync(sealBackup(about(), locks, plain)));
      const dataDir = join(root, "forged");
      await expect(restored(file, dataDir, { type: "identity", privateKey })).rejects.toThrow(
        "Cannot",
      );
    }
    expect((await readdir(root)).filter((name) => !name.startsWith("changed"))).toEqual([]);
  });

  test("what is small and says that it is large costs nothing", async () => {
    const zeros = Buffer.alloc(8 << 20);
    async function* bomb(): AsyncGenerator<Uint8Array> {
      yield encodeRecord({ type: "about", about: about() });
      // 4 GiB of zeros in a few MiB: read piece by piece, and refused at the first.
      for (let i = 0; i < 512; i += 1) yield zeros;
    }
    const sealing = sealBackup(about(), [{ ...passphrase, cost }], bomb());
    const opened = await openBackup(sealing);
    const before = process.memoryUsage().rss;
    await expect(Array.fromAsync(opened.records(passphrase))).rejects.toThrow("unknown type (0)");
    expect(process.memoryUsage().rss - before).toBeLessThan(256 << 20);
  });
});
