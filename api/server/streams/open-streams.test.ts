import { expect, test } from "vitest";
import { OpenStreams } from "./open-streams.ts";

test("check() refuses a user with too many, and others only when all are too many", () => {
  const open = new OpenStreams({ perUser: 2, all: 3 });
  const leave = open.enter("ann");
  open.enter("ann");
  expect(() => open.check("ann")).toThrow('user "ann" has 2 open, limit 2');
  open.check("bob");
  open.enter("bob");
  expect(() => open.check("bob")).toThrow("the server carries 3, limit 3");
  leave();
  leave();
  open.check("ann");
  open.check("bob");
  open.enter("bob");
  expect(() => open.check("ann")).toThrow("the server carries 3, limit 3");
});
