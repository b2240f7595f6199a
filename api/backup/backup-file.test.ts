import { createReadStream } from "node:fs";
import { createCipheriv, createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openBackup, sealBackup } from "./backup-file.ts";
import type { Lock, Opener } from "./locks.ts";
import { type BackupAbout, type BackupRecord, encodeRecord } from "./records.ts";

const about: BackupAbout = {
  product: "0.1.0",
  cluster: "3f1c",
  revision: 65_536 * 12,
  created: "2026-11-21T20:00:00Z",
  source: "embedded",
};
const cost = { memoryKiB: 64, passes: 1, lanes: 1 };
const lock: Lock = { type: "passphrase", passphrase: "open sesame", cost };
const opener: Opener = { type: "passphrase", passphrase: "open sesame" };

/** Bytes that do not compress: the file has several chunks. */
function noise(bytes: number): Buffer {
  const cipher = createCipheriv("aes-256-ctr", Buffer.alloc(32, 7), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(bytes));
}

const entry = (name: string, bytes: number): BackupRecord => ({
  type: "entry",
  key: `/registry/core/configmaps/shop/${name}`,
  value: noise(bytes),
  at: 65_536 * 11,
  createdAt: 65_536 * 3,
});
const records: readonly BackupRecord[] = [
  { type: "about", about },
  { type: "settings", settings: { auditPolicy: "/etc/lighthouse/audit.yaml" } },
  { type: "file", name: "ca.key", value: Buffer.from("-----BEGIN PRIVATE KEY-----") },
  entry("small", 10),
  entry("large", 300_000),
  { type: "end", entries: 2, files: 1 },
];

async function* streamOf(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

async function sealed(from = records, locks: readonly Lock[] = [lock]): Promise<Buffer> {
  const source = streamOf(...from.map(encodeRecord));
  return Buffer.concat(await Array.fromAsync(sealBackup(about, locks, source)));
}

async function opened(file: Buffer, by = opener): Promise<readonly BackupRecord[]> {
  const backup = await openBackup(streamOf(file));
  return Array.fromAsync(backup.records(by));
}

describe("sealBackup()", () => {
  it("comes back as it was, whatever the pieces", async () => {
    const file = await sealed();
    expect(await opened(file)).toEqual(records);
    const cut = Array.from({ length: Math.ceil(file.length / 977) }, (_, i) =>
      file.subarray(i * 977, (i + 1) * 977),
    );
    const backup = await openBackup(streamOf(...cut));
    expect(await Array.fromAsync(backup.records(opener))).toEqual(records);
  });

  it("shows its header without a key, and nothing else", async () => {
    const file = await sealed();
    const { header } = await openBackup(streamOf(file));
    expect(header).toMatchObject(about);
    expect(file.includes("PRIVATE KEY")).toBe(false);
    expect(file.includes("configmaps")).toBe(false);
  });

  it("opens with any one of its locks", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const file = await sealed(records, [lock, { type: "recipient", publicKey }]);
    expect(await opened(file)).toEqual(records);
    expect(await opened(file, { type: "identity", privateKey })).toEqual(records);
    const other = generateKeyPairSync("x25519").privateKey;
    await expect(opened(file, { type: "identity", privateKey: other })).rejects.toThrow(
      "Cannot open the backup with this private key",
    );
    expect(createPublicKey(privateKey).equals(publicKey)).toBe(true);
  });

  it("is not opened by another passphrase", async () => {
    await expect(
      opened(await sealed(), { type: "passphrase", passphrase: "open barley" }),
    ).rejects.toThrow("Cannot open the backup with this passphrase");
  });
});

describe("openBackup()", () => {
  it("notices every kind of change", async () => {
    const file = await sealed();
    const payload = file.length - 300_000;
    const flips = [30, 80, payload + 5_000, file.length - 1];
    for (const at of flips) {
      const changed = Buffer.from(file);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await expect(opened(changed), `byte ${at}`).rejects.toThrow(/Cannot (read|open) the backup/);
    }
  });

  it("spends no more on a file that is nobody's than on the dearest of ours", async () => {
    const file = await sealed();
    const length = file.readUInt32BE(18);
    const header = JSON.parse(file.toString("utf8", 22, 22 + length)) as { locks: object[] };
    const [slot] = header.locks;
    const dear = { ...slot, memoryKiB: 1 << 20, passes: 16, lanes: 16 };
    const madeOf = (locks: readonly unknown[]): Buffer => {
      const text = Buffer.from(JSON.stringify({ ...header, locks }));
      const size = Buffer.alloc(4);
      size.writeUInt32BE(text.length);
      return Buffer.concat([file.subarray(0, 18), size, text, Buffer.alloc(32)]);
    };
    await expect(openBackup(streamOf(madeOf([dear])))).resolves.toBeDefined();
    await expect(openBackup(streamOf(madeOf([dear, dear])))).rejects.toThrow("cost more");
    const dearer = { ...dear, passes: 17 };
    await expect(openBackup(streamOf(madeOf([dearer])))).rejects.toThrow("does not know");
    const steering = { type: "x25519", recipient: "\u001b[2J", ephemeral: "", wrapped: "" };
    await expect(openBackup(streamOf(madeOf([steering])))).rejects.toThrow("does not know");
  });

  it("takes a key that no one has for one that does not open", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("x25519");
    const file = await sealed(records, [{ type: "recipient", publicKey }]);
    const ephemeral = /"ephemeral":"([^"]+)"/.exec(file.toString("latin1"))?.[1] ?? "";
    const prefix = Buffer.from(ephemeral, "base64").subarray(0, -32);
    const zero = Buffer.concat([prefix, Buffer.alloc(32)]).toString("base64");
    const changed = Buffer.from(file.toString("latin1").replace(ephemeral, zero), "latin1");
    await expect(opened(changed, { type: "identity", privateKey })).rejects.toThrow(
      "Cannot open the backup with this private key",
    );
  });

  it("notices every cut", async () => {
    const file = await sealed();
    const headBytes = 22 + file.readUInt32BE(18) + 32;
    const chunk = (64 << 10) + 16;
    // Also exactly between two chunks, where each of those that are left is whole.
    for (const at of [0, 5, 20, 100, headBytes, headBytes + chunk, headBytes + 2 * chunk]) {
      await expect(opened(file.subarray(0, at)), `${at} bytes`).rejects.toThrow(
        /Cannot read the backup/,
      );
    }
    await expect(opened(Buffer.concat([file, Buffer.of(0)]))).rejects.toThrow("Cannot read");
  });

  it("notices chunks that were swapped or left out", async () => {
    const file = await sealed();
    const start = 22 + file.readUInt32BE(18) + 32;
    const chunk = (64 << 10) + 16;
    const part = (n: number): Buffer => file.subarray(start + n * chunk, start + (n + 1) * chunk);
    const head = file.subarray(0, start);
    const rest = file.subarray(start + 2 * chunk);
    await expect(opened(Buffer.concat([head, part(1), part(0), rest]))).rejects.toThrow(
      "damaged or changed near byte 0",
    );
    await expect(opened(Buffer.concat([head, part(0), rest]))).rejects.toThrow("damaged");
  });

  it("notices what the server left out, or could not read", async () => {
    const [first, settings, file, small, large] = records;
    const all = [first, settings, file, small, large].filter((one) => one !== undefined);
    const failure = { type: "failure", message: "compacted", again: true } as const;
    await expect(opened(await sealed(all))).rejects.toThrow("it ends too early");
    await expect(opened(await sealed([...all, failure]))).rejects.toThrow("cut off: compacted");
    await expect(
      opened(await sealed([...all, { type: "end", entries: 3, files: 1 }])),
    ).rejects.toThrow("it has 2 entries and 1 files of 3 and 1");
    await expect(opened(await sealed([small, first].filter((r) => !!r)))).rejects.toThrow(
      "does not begin",
    );
    await expect(opened(await sealed([...records, large].filter((r) => !!r)))).rejects.toThrow(
      "something follows its end",
    );
  });

  it("holds nothing of what a length merely declares", async () => {
    const huge = encodeRecord({ type: "about", about });
    huge.writeUInt32BE(0xff_ff_ff_ff, 3);
    const file = Buffer.concat(await Array.fromAsync(sealBackup(about, [lock], streamOf(huge))));
    await expect(opened(file)).rejects.toThrow("declares 4294967295 bytes");
    const header = Buffer.concat([Buffer.from("lighthouse-backup\n"), Buffer.alloc(4, 0xff)]);
    await expect(openBackup(streamOf(header))).rejects.toThrow("its header declares 4294967295");
  });

  it("says why a file cannot be read at all", async () => {
    const path = "/no/such/lighthouse.backup";
    await expect(openBackup(createReadStream(path))).rejects.toThrow("ENOENT");
  });

  it("refuses other files, newer formats and costly locks", async () => {
    await expect(openBackup(streamOf(Buffer.from("PK\u0003\u0004")))).rejects.toThrow(
      "it is no backup of Lighthouse",
    );
    const header = (body: unknown): Buffer => {
      const text = Buffer.from(JSON.stringify(body));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      return Buffer.concat([Buffer.from("lighthouse-backup\n"), length, text, Buffer.alloc(32)]);
    };
    await expect(openBackup(streamOf(header({ ...about, format: 2 })))).rejects.toThrow(
      "its format is 2, this program reads 1",
    );
    const costly = { type: "argon2id", salt: "", wrapped: "", ...cost, memoryKiB: 1 << 30 };
    await expect(
      openBackup(streamOf(header({ ...about, format: 1, locks: [costly] }))),
    ).rejects.toThrow("a lock that this program does not know");
  });
});
