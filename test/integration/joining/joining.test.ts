import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { reasonOf } from "../../../api/machinery/errors.ts";
import { type JoinRig, openJoinRig } from "../../kit/join-rig.ts";

let rig: JoinRig;
beforeAll(async () => {
  rig = await openJoinRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

test("a join brings a certificate for a key that nobody else may read, and is there after a restart", async () => {
  const link = rig.linkOf(await rig.makeToken({ uses: "1" }));
  const identity = await rig.joinAs("edge", link);
  expect(await rig.visit(identity)).toBe("edge");
  const dir = rig.dirOf("edge");
  const files = await readdir(dir);
  expect(files.toSorted()).toEqual(["agent.crt", "agent.json", "agent.key", "ca.crt"]);
  for (const file of files) expect((await stat(join(dir, file))).mode & 0o777).toBe(0o600);
  expect((await stat(dir)).mode & 0o777).toBe(0o700);
  expect(await readFile(join(dir, "agent.json"), "utf8")).not.toContain("0123456789abcdef");
  const key = await readFile(join(dir, "agent.key"), "utf8");
  // With the link still in the unit, and with none.
  expect(await rig.visit(await rig.joinAs("edge", link))).toBe("edge");
  expect(await rig.visit(await rig.joinAs("edge"))).toBe("edge");
  expect(await readFile(join(dir, "agent.key"), "utf8")).toBe(key);
});

test("a second agent of a beacon comes in by a token that names it", async () => {
  const first = await rig.joinAs("pair", rig.linkOf(await rig.makeToken()));
  const naming = rig.linkOf(await rig.makeToken({ beacon: "pair" }), "pair");
  const second = await rig.joinAs("pair-b", naming);
  expect([await rig.visit(first), await rig.visit(second)]).toEqual(["pair", "pair"]);
});

test("a server with another authority is refused, and sent nothing", async () => {
  const caHash = `sha256:${"0".repeat(64)}`;
  const link = { ...rig.linkOf(await rig.makeToken()), caHash };
  await expect(rig.joinAs("wary", link)).rejects.toThrow(
    /Cannot trust .*: its certificate authority is sha256:[0-9a-f]{64}, the pin expects sha256:0+;/,
  );
  await expect(readdir(rig.dirOf("wary"))).rejects.toThrow(/ENOENT/);
  expect(await rig.requestsFor("wary")).toEqual([]);
});

test.each([
  ["a wrong secret", {}, (token: string) => `${token.slice(0, 7)}ffffffffffffffff`],
  ["an unknown id", {}, () => "nobody.0123456789abcdef"],
  ["an expired token", { expiration: "2020-01-01T00:00:00Z" }, (token: string) => token],
  [
    "a token for other uses",
    { "usage-bootstrap-authentication": "false" },
    (token: string) => token,
  ],
])("%s is refused, and the caller does not learn which it was", async (_what, data, change) => {
  const token = change(await rig.makeToken(data));
  const refused = rig.joinAs("guess", rig.linkOf(token));
  await expect(refused).rejects.toThrow(
    `token ${token.slice(0, 6)} was refused: it is wrong, expired, used up or deleted`,
  );
  await expect(refused).rejects.toSatisfy((err) => reasonOf(err) === "Unauthorized");
});

test("a host whose clock is wrong is told what both clocks say", async () => {
  const link = rig.linkOf(await rig.makeToken());
  rig.moveClock(3 * 86_400_000);
  try {
    await expect(rig.joinAs("late", link)).rejects.toThrow(
      /not valid before .*, and the clocks are \d+ s apart: the server's says .*, this host's .*/,
    );
  } finally {
    rig.moveClock(0);
  }
});

test("a join goes on where it was interrupted: the request is the same one, and counted once", async () => {
  const link = rig.linkOf(await rig.makeToken({ uses: "1", beacon: "again" }), "again");
  const first = await rig.joinAs("again", link);
  // As if the host had died before anything but the key was on disk.
  const dir = rig.dirOf("again");
  for (const file of ["agent.crt", "agent.json", "ca.crt"]) await rm(join(dir, file));
  const second = await rig.joinAs("again", link);
  expect(await rig.visit(second)).toBe(await rig.visit(first));
  expect(await rig.requestsFor("again")).toHaveLength(1);
});

test("a host moves to no other control plane by accident", async () => {
  await rig.joinAs("loyal", rig.linkOf(await rig.makeToken()));
  const link = { ...rig.linkOf(await rig.makeToken()), caHash: `sha256:${"a".repeat(64)}` };
  await expect(rig.joinAs("loyal", link)).rejects.toThrow(
    /this host belongs to .*; to move it, remove /,
  );
});
