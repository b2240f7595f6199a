import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { eventually } from "../../../test/kit/eventually.ts";
import { spdyClient } from "../../../test/kit/spdy-client.ts";
import { spdyCommand } from "./spdy-command.ts";

const wanted = { stdin: true, stdout: true, stderr: true, tty: true };

test("spdyCommand() gives up on a client that does not open all streams", async () => {
  const [near, far] = duplexPair();
  far.once("close", () => near.destroy());
  const client = spdyClient(near);
  const opening = spdyCommand(far, "v4.channel.k8s.io", wanted, 50);
  const failure = opening.catch((err: unknown) => err);
  await client.open(1, { streamtype: "error" });
  await client.open(3, { streamtype: "stdin" });
  await client.until("the goodbye", ({ type }) => type === "goAway");
  near.end();
  expect(await failure).toMatchObject({
    reason: "Timeout",
    message: "Cannot begin: the client did not open stdout, resize",
  });
});

test("spdyCommand() resets streams that nobody asked for, and reads sizes", async () => {
  const [near, far] = duplexPair();
  const client = spdyClient(near);
  const opening = spdyCommand(far, "v4.channel.k8s.io", wanted);
  const roles = ["error", "stderr", "stdin", "stdout", "stdin", "resize"];
  for (const [index, streamtype] of roles.entries()) {
    await client.open(1 + 2 * index, { streamtype });
  }
  const command = await opening;
  await eventually(
    "stderr and the second stdin were reset",
    () => client.frames.filter(({ type }) => type === "rstStream").length === 2,
  );
  expect(command.stderr).toBeUndefined();
  const sizes: object[] = [];
  client.write(11, '{"Width":80,"Height":24}\n');
  await eventually("the size came", () => {
    command.onResize((size) => sizes.push(size));
    return sizes.length > 0;
  });
  expect(sizes[0]).toEqual({ columns: 80, rows: 24 });
  near.destroy();
});
