import { expect, test } from "vitest";
import type { Client } from "../../api/client/client.ts";
import { notFound } from "../../api/machinery/errors.ts";
import { nodes } from "../../api/machinery/resources.ts";
import { annotation } from "../../crds/labels.ts";
import type { Call } from "../command.ts";
import { runRestoreRelease } from "./restore-release.ts";

/** A server with the Nodes n1, held, and n2. */
function release(...args: readonly string[]) {
  const patched: string[] = [];
  let out = "";
  const held = { [annotation.holdUnknown]: "2026-11-21T22:00:00Z" };
  const items = [{ metadata: { name: "n1", annotations: held } }, { metadata: { name: "n2" } }];
  const client = {
    list: async () => ({ items }),
    patch: async (_kind: unknown, { name }: { readonly name: string }) => patched.push(name),
    raw: async () => Promise.reject(notFound(nodes, "restored")),
  };
  const io = { out: (text: string) => void (out += text) };
  const signal = new AbortController().signal;
  const connect = async () => ({ client: client as unknown as Client });
  const call = { args, flags: {}, io, signal, connect } as unknown as Call;
  return { patched, done: runRestoreRelease(call).then((code) => ({ code, out })) };
}

test("release takes the hold off what is held, and says what is not", async () => {
  const all = release();
  expect(await all.done).toEqual({ code: 0, out: "node/n1 released\n" });
  expect(all.patched).toEqual(["n1"]);
  expect(await release("n2").done).toEqual({ code: 0, out: "node/n2 is not held\n" });
});

test("release of a Node that is not there is refused, and releases nothing", async () => {
  const { patched, done } = release("n1", "n3");
  await expect(done).rejects.toThrow("Cannot release n3: there is no such Node");
  expect(patched).toEqual([]);
});
