import { X509Certificate } from "node:crypto";
import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { ExternalCertificates } from "./external-tls.ts";
import type { App } from "./http.ts";
import type { LivePki } from "./live-pki.ts";
import { issueAuthority, issueCertificate, type KeyPair } from "./pki/issue.ts";
import { servingTls } from "./serving-tls.ts";

const nowMs = Date.UTC(2026, 0, 1);

async function connectionOf(authority: KeyPair) {
  const identity = { user: "ann", groups: [] };
  const pair = await issueCertificate(authority, { identity, usage: "client", names: [], nowMs });
  const certificate = new X509Certificate(pair.certificate);
  const socket = Object.assign(new EventEmitter(), {
    authorized: true,
    ended: false,
    getPeerX509Certificate: () => certificate,
    destroy: () => void (socket.ended = true),
  });
  return socket;
}

test("connections of an authority of others end when its file changes, and ours stay", async () => {
  const [own, other] = await Promise.all([
    issueAuthority("lighthouse-ca", nowMs),
    issueAuthority("other-ca", nowMs),
  ]);
  let clientCa = other.certificate;
  let changed = (): void => undefined;
  const external: ExternalCertificates = {
    clientCa: () => clientCa,
    context: () => undefined,
    follow: async (_signal, onChange) => void (changed = onChange),
  };
  const pki = { current: () => ({ authority: own.certificate }), onChange: () => {} };
  const serving = servingTls(pki as unknown as LivePki, external);
  const server = new EventEmitter();
  serving.serve({ server } as unknown as App);
  await serving.run(new AbortController().signal);
  const [ours, theirs] = [await connectionOf(own), await connectionOf(other)];
  for (const socket of [ours, theirs]) server.emit("secureConnection", socket);
  changed(); // another of the files: a serving certificate was renewed
  expect([ours.ended, theirs.ended]).toEqual([false, false]);
  clientCa = "";
  changed();
  expect([ours.ended, theirs.ended]).toEqual([false, true]);
});
