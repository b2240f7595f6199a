import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { testCaller } from "../../test/kit/tunnel.ts";
import { conflict } from "../machinery/errors.ts";
import {
  type CallHead,
  decodeAnswer,
  decodeCall,
  decodeEnd,
  encodeAnswer,
  encodeCall,
  encodeEnd,
  tellable,
} from "./envelope.ts";
import { podPath, readPodPath } from "./pod-paths.ts";
import { encodeFrame, encodeJsonFrame, FrameReader, frameType, jsonOf } from "./process-frames.ts";
import { checkVersion, tunnelPath, tunnelVersion } from "./protocol.ts";

describe("checkVersion()", () => {
  test.each([-1, 0, 1])("accepts a neighbour: %d", (by) => {
    expect(() => checkVersion(String(tunnelVersion + by), "the agent")).not.toThrow();
  });

  test.each([String(tunnelVersion + 2), "99", "", undefined, "1.0", "x", "-1"])(
    "refuses %j, and says what both speak",
    (text) => {
      expect(() => checkVersion(text, "the agent")).toThrow(
        /^Cannot open the tunnel: the agent speaks .*, this side \d+ and its neighbours; upgrade the older one$/,
      );
    },
  );
});

test("tunnelPath() keeps a name in its place", () => {
  expect(tunnelPath("a/../b?c")).toBe("/apis/lighthouse.dev/v1/beacons/a%2F..%2Fb%3Fc/tunnel");
});

const head: CallHead = {
  node: "n1",
  method: "GET",
  path: "/a",
  headers: {},
  caller: testCaller,
};

/** As HTTP/2 hands several values of one header to us. */
const joined = (chunks: readonly string[]): string => chunks.join(", ");

describe("the head of a call", () => {
  test("comes back as it was, however long and odd its parts are", () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(
        fc.dictionary(text, text),
        text,
        fc.array(text),
        fc.integer({ min: 0, max: 60_000 }),
        (headers, user, groups, length) => {
          const path = `/${"x".repeat(length)}`;
          const sent = { ...head, path, headers, caller: { ...testCaller, user, groups } };
          expect(decodeCall(joined(encodeCall(sent)))).toEqual(sent);
        },
      ),
    );
  });

  test("has a limit", () => {
    const endless = { ...head, path: `/${"x".repeat(200_000)}` };
    expect(() => encodeCall(endless)).toThrow(/too large/);
  });

  test.each([
    [undefined],
    ["%%%"],
    [joined(encodeAnswer({ status: 200, headers: {} }))],
    [Buffer.from("[]").toString("base64url")],
  ])("that is none is refused: %j", (text) => {
    expect(() => decodeCall(text)).toThrow(/^Cannot (read|serve)/);
  });

  test.each([
    [{ node: "" }],
    [{ method: "get" }],
    [{ method: "GET /x HTTP/1.1" }],
    [{ path: "a" }],
    [{ path: "" }],
    [{ headers: { a: 1 } }],
    [{ headers: [] }],
    [{ upgrade: 7 }],
  ])("with %j is refused", (more) => {
    const text = Buffer.from(JSON.stringify({ ...head, ...more })).toString("base64url");
    expect(() => decodeCall(text)).toThrow(/^Cannot read a call/);
  });

  test.each([[{ groups: "admins" }], [{ groups: [1] }], [{ auditId: 1 }], [{ uid: 1 }]])(
    "whose caller has %j is refused",
    (more) => {
      const caller = { ...testCaller, ...more };
      const text = Buffer.from(JSON.stringify({ ...head, caller })).toString("base64url");
      expect(() => decodeCall(text)).toThrow("it does not say who was allowed what");
    },
  );
});

test("an answer comes back as it was, and must have a status", () => {
  const answer = { status: 204, headers: { a: ["1", "2"], b: "ü" } };
  expect(decodeAnswer(joined(encodeAnswer(answer)))).toEqual(answer);
  const bad = [{}, [], { ...answer, status: 99 }, { ...answer, status: 600 }, { status: 200 }];
  for (const head of [...bad, { ...answer, headers: { a: 1 } }]) {
    const text = Buffer.from(JSON.stringify(head)).toString("base64url");
    expect(() => decodeAnswer(text)).toThrow("its head has no status");
  }
});

test("the end of a body tells its error, and cuts what is too long", () => {
  expect(decodeEnd(encodeEnd())).toBeUndefined();
  const err = conflict({ group: "", plural: "pods" }, "web", "y".repeat(9_000));
  const told = decodeEnd(encodeEnd(err));
  expect(told).toMatchObject({ reason: "Conflict" });
  expect(told?.message).toHaveLength(4_096);
});

test("tellable() keeps the detail of a bug to itself", () => {
  const told = tellable(new Error("password"), "/a");
  expect(told.message).toBe("Internal error of the agent: see its log for /a");
});

test("frames come back whole, in whatever pieces they arrive", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 300 }))),
      fc.integer({ min: 1, max: 50 }),
      (sent, step) => {
        const bytes = Buffer.concat(sent.map(([type, payload]) => encodeFrame(type, payload)));
        const reader = new FrameReader();
        const got = [];
        for (let at = 0; at < bytes.length; at += step)
          got.push(...reader.read(bytes.subarray(at, at + step)));
        expect(got.map(({ type, payload }) => [type, [...payload]])).toEqual(
          sent.map(([type, payload]) => [type, [...payload]]),
        );
      },
    ),
  );
});

test("a frame without measure, or whose JSON is none, is refused", () => {
  const reader = new FrameReader();
  expect(() => reader.read(Buffer.from([1, 255, 255, 255, 255]))).toThrow("Cannot read a frame of");
  const [frame] = new FrameReader().read(encodeJsonFrame(frameType.exit, { code: 3 }));
  expect(frame === undefined ? undefined : jsonOf(frame)).toEqual({ code: 3 });
  expect(() => jsonOf({ type: 19, payload: Buffer.from("{") })).toThrow("it is no JSON");
});

test("podPath() and readPodPath() agree", () => {
  const query = new URLSearchParams([
    ["command", "sh"],
    ["command", "a b&c=d?e"],
  ]);
  const request = { namespace: "s/h", name: "w%b", uid: "u", part: "exec", query } as const;
  const read = readPodPath(podPath(request));
  expect(read).toMatchObject({ namespace: "s/h", name: "w%b", uid: "u", part: "exec" });
  expect(read?.query.getAll("command")).toEqual(["sh", "a b&c=d?e"]);
});
