import { expect, test } from "vitest";
import type { Pod } from "../api/machinery/resources.ts";
import type { Caller, NodeCall } from "../api/tunnel/node-link.ts";
import { podPath, type PodPart } from "../api/tunnel/pod-paths.ts";
import { portProtocol, processProtocol } from "../api/tunnel/process-frames.ts";
import { bytesOf, testCaller } from "../test/kit/tunnel.ts";
import { podHandler, type PodWorld } from "./pod-route.ts";
import type { Streams } from "./serve.ts";

const never = new AbortController().signal;
const metadata = { namespace: "shop", name: "web", uid: "u1", resourceVersion: "1" };
const pod = { metadata, spec: { nodeName: "n1", containers: [] } } as unknown as Pod;

/** An agent of node n1 that notes what it was asked to stream. */
function agent() {
  const asked: string[] = [];
  const note = (what: string) => async (): Promise<never> => {
    asked.push(what);
    throw new Error("noted");
  };
  const streams: Streams = {
    async *logs(_pod, query) {
      asked.push(`log ${JSON.stringify(query)}`);
      yield Buffer.from("said");
    },
    exec: note("exec"),
    attach: note("attach"),
    dial: note("dial"),
  };
  const get = async (_type: unknown, { name }: { readonly name: string }) =>
    name === "web" ? pod : undefined;
  const client = { get } as unknown as PodWorld["client"];
  const world = { nodeName: "n1", client, host: { pod: () => undefined } };
  return { asked, handler: podHandler(streams, world) };
}

const right = (part: PodPart, more: Partial<Caller> = {}): Caller => ({
  ...testCaller,
  verb: part === "log" ? "get" : "create",
  resource: `pods/${part}`,
  namespace: "shop",
  name: "web",
  ...more,
});

function callOf(part: PodPart, caller: Caller, query: Record<string, string> = {}): NodeCall {
  const all = new URLSearchParams({ container: "app", ...query });
  const path = podPath({ namespace: "shop", name: "web", uid: "u1", part, query: all });
  const upgrade = part === "portforward" ? portProtocol : processProtocol;
  if (part === "log") return { method: "GET", path, headers: {}, caller };
  return { method: "POST", path, headers: {}, caller, upgrade };
}

test("podHandler() streams logs as the query says", async () => {
  const { asked, handler } = agent();
  const query = {
    follow: "true",
    tailLines: "3",
    limitBytes: "9",
    sinceTime: "2026-01-01T00:00:00Z",
  };
  const { status, body } = await handler(callOf("log", right("log"), query), never);
  expect([status, (await bytesOf(body)).toString()]).toEqual([200, "said"]);
  expect(asked).toEqual([
    `log ${JSON.stringify({
      container: "app",
      follow: true,
      previous: false,
      timestamps: false,
      sinceTime: "2026-01-01T00:00:00Z",
      tailLines: 3,
      limitBytes: 9,
    })}`,
  ]);
});

test.each<readonly [PodPart, Partial<Caller>]>([
  ["exec", { resource: "pods/log", verb: "get" }],
  ["exec", { verb: "get" }],
  ["exec", { resource: "pods/portforward" }],
  ["attach", { resource: "pods/exec" }],
  ["portforward", { resource: "nodes/proxy", verb: "*" }],
  ["log", { resource: "pods", verb: "get" }],
  ["log", { name: "other" }],
  ["log", { namespace: "other" }],
])("%s is refused with the right %j", async (part, more) => {
  const { asked, handler } = agent();
  await expect(handler(callOf(part, right(part, more)), never)).rejects.toMatchObject({
    reason: "Forbidden",
    message: expect.stringContaining("the agent needs the right to") as unknown,
  });
  expect(asked).toEqual([]);
});

const exec = callOf("exec", right("exec"));

test.each<readonly [string, NodeCall, string]>([
  ["another pod of the name", { ...exec, path: exec.path.replace("u1", "u2") }, "not found"],
  [
    "a pod that is nowhere",
    {
      ...exec,
      caller: right("exec", { name: "none" }),
      path: exec.path.replace("/web/", "/none/"),
    },
    "not found",
  ],
  ["another part", { ...exec, path: exec.path.replace("exec", "changes") }, "could not find"],
  ["a broken escape", { ...exec, path: exec.path.replace("shop", "%zz") }, "could not find"],
  ["a deeper path", { ...exec, path: exec.path.replace("/exec", "/exec/x") }, "could not find"],
  ["a read", { ...exec, method: "GET" }, "Method GET is not supported"],
  ["another protocol", { ...exec, upgrade: "tcp" }, "needs an upgrade to lighthouse-process"],
  [
    "no container",
    { ...exec, path: exec.path.replace("container=app", "") },
    "the request names none",
  ],
  [
    "a number that is none",
    callOf("log", right("log"), { tailLines: "-1" }),
    'Cannot read tailLines: it is "-1"',
  ],
])("podHandler() refuses %s", async (_what, call, message) => {
  const { asked, handler } = agent();
  await expect(handler(call, never)).rejects.toThrow(message);
  expect(asked).toEqual([]);
});

test("podHandler() refuses pods of other nodes", async () => {
  const get = async () => ({ ...pod, spec: { ...pod.spec, nodeName: "n2" } });
  const client = { get } as unknown as PodWorld["client"];
  const host = { pod: () => undefined };
  const handler = podHandler({} as unknown as Streams, { nodeName: "n1", client, host });
  await expect(handler(exec, never)).rejects.toMatchObject({ reason: "NotFound" });
});

test("podHandler() asks the API for nothing that the agent knows", async () => {
  const get = async (): Promise<never> => {
    throw new Error("asked");
  };
  const client = { get } as unknown as PodWorld["client"];
  const said = async function* () {
    yield Buffer.from("said");
  };
  const streams = { logs: said } as unknown as Streams;
  const handler = podHandler(streams, { nodeName: "n1", client, host: { pod: () => pod } });
  const { body } = await handler(callOf("log", right("log")), never);
  expect((await bytesOf(body)).toString()).toBe("said");
  const newer = callOf("log", right("log"));
  const other = { ...newer, path: newer.path.replace("u1", "u2") };
  await expect(handler(other, never)).rejects.toThrow("asked");
});
