import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openTestApp, type TestApp } from "../../../test/kit/app.ts";
import { eventually } from "../../../test/kit/eventually.ts";
import { fakeStreams } from "../../../test/kit/fake-streams.ts";
import type { SpdyClient } from "../../../test/kit/spdy-client.ts";
import {
  type FakeProcess,
  fakeProcess,
  openSocket,
  openSpdy,
  type SocketClient,
} from "../../../test/kit/streaming.ts";
import { conflict, StatusError } from "../../machinery/errors.ts";
import type { PodStreams } from "../pods/pod-streams.ts";

const pods = "/api/v1/namespaces/default/pods";
const all = "stdin=true&stdout=true&stderr=true";

describe.each([
  ["an agent of this process", false],
  ["an agent behind a tunnel", true],
])("%s", (_where, tunnelled) => {
  let server: TestApp;
  let process: FakeProcess;
  let asked: unknown[];

  function serve(given: Partial<PodStreams>): void {
    server.nodes.register("n1", fakeStreams(given));
  }

  beforeEach(async () => {
    server = await openTestApp({ tunnelled });
    process = fakeProcess();
    asked = [];
    await server.send("POST", pods, {
      metadata: { name: "web" },
      spec: { nodeName: "n1", containers: [{ name: "app", image: "web:1" }] },
    });
    const prepare = async (_pod: unknown, options: unknown) => {
      asked.push(options);
      return process.ready;
    };
    serve({ exec: prepare, attach: prepare });
  });
  afterEach(() => server[Symbol.asyncDispose]());

  async function overSocket(
    query = `command=sh&${all}`,
    protocols: readonly string[] = ["v5.channel.k8s.io"],
  ): Promise<SocketClient> {
    const client = await openSocket(server.app, `${pods}/web/exec?${query}`, { protocols });
    if ("code" in client) throw new Error(JSON.stringify(client.body));
    await process.started();
    return client;
  }

  const message = (channel: number, text: string): Buffer =>
    Buffer.concat([Buffer.of(channel), Buffer.from(text)]);

  describe("exec over WebSocket", () => {
    test("carries all streams, ends the input by v5, and tells the exit code", async () => {
      const client = await overSocket("command=sh&command=-c&command=exit+7&container=app&" + all);
      expect(asked).toEqual([
        { container: "app", command: ["sh", "-c", "exit 7"], stdin: true, tty: false },
      ]);
      client.socket.send(message(0, "hello"));
      client.socket.send(Buffer.from([255, 0]));
      await eventually("the input ended", process.inputEnded);
      expect(process.input()).toBe("hello");
      await process.say("stdout", "out");
      await process.say("stderr", "err");
      process.exit(7);
      expect(await client.closed()).toBe(1000);
      expect([client.read(1), client.read(2)]).toEqual(["out", "err"]);
      expect(JSON.parse(client.read(3))).toEqual({
        metadata: {},
        status: "Failure",
        message: "command terminated with non-zero exit code: exit status 7",
        reason: "NonZeroExitCode",
        details: { causes: [{ reason: "ExitCode", message: "7" }] },
      });
      expect(client.messages.at(-1)?.bytes[0]).toBe(3);
      expect(client.messages.every(({ isBinary }) => isBinary)).toBe(true);
      expect(client.headers["audit-id"]).toBeUndefined(); // hooks of the server, not of the bare app
    });

    test("sends Success in the words of Kubernetes", async () => {
      const client = await overSocket();
      process.exit(0);
      expect(await client.closed()).toBe(1000);
      expect(client.read(3)).toBe('{"metadata":{},"status":"Success"}');
    });

    test("does not take the end of a channel from clients before v5", async () => {
      const client = await overSocket(undefined, ["v4.channel.k8s.io"]);
      client.socket.send(Buffer.from([255, 0]));
      client.socket.send(message(0, "more"));
      await eventually("the input came", () => process.input() === "more");
      expect(process.inputEnded()).toBe(false);
    });

    test("sends the text of a failure to clients before v4, and nothing on success", async () => {
      const client = await overSocket(undefined, ["channel.k8s.io"]);
      process.exit(2);
      await client.closed();
      expect(client.read(3)).toBe("command terminated with non-zero exit code: exit status 2");
    });

    test("writes base64 in text messages where the protocol says so", async () => {
      const client = await overSocket(undefined, ["v4.base64.channel.k8s.io"]);
      client.socket.send(`0${Buffer.from("in").toString("base64")}`);
      await eventually("the input came", () => process.input() === "in");
      await process.say("stdout", "out");
      process.exit(0);
      await client.closed();
      const texts = client.messages.map(({ bytes }) => bytes.toString());
      expect(texts[1]).toBe(`1${Buffer.from("out").toString("base64")}`);
      expect(client.messages.some(({ isBinary }) => isBinary)).toBe(false);
    });

    test.each([
      [["v5.channel.k8s.io", "v4.channel.k8s.io"], "v5.channel.k8s.io"],
      [["nonsense", "v4.channel.k8s.io", "v5.channel.k8s.io"], "v4.channel.k8s.io"],
      [["channel.k8s.io"], "channel.k8s.io"],
      [[], ""],
    ])("of %j takes %j", async (protocols, want) => {
      expect((await overSocket(undefined, protocols)).protocol).toBe(want);
    });

    test("with a terminal waits for its size, and passes on later ones", async () => {
      process = fakeProcess(true);
      const client = await openSocket(server.app, `${pods}/web/exec?command=sh&tty=true&${all}`, {
        protocols: ["v5.channel.k8s.io"],
      });
      if ("code" in client) throw new Error("refused");
      client.socket.send(message(4, '{"Width":100,"Height":30}\n'));
      await process.started();
      expect(process.sizes[0]).toEqual({ columns: 100, rows: 30 });
      client.socket.send(message(4, 'junk}{"Width":0,"Height":1}{"Width":81,'));
      client.socket.send(message(4, '"Height":25}\n'));
      await eventually("the new size", () => process.sizes.at(-1)?.columns === 81);
      client.socket.send(message(4, '{"height":26,"width":82}'));
      await eventually("in small letters", () => process.sizes.at(-1)?.columns === 82);
    });

    test("ends the command of a client that is gone", async () => {
      const client = await overSocket();
      client.socket.terminate();
      await eventually("the process was left", process.isLeft);
    });

    test("tells why a command could not be started", async () => {
      serve({
        exec: async () => ({
          tty: false,
          start: () => Promise.reject(new StatusError("ServiceUnavailable", "the engine is away")),
        }),
      });
      const client = await openSocket(server.app, `${pods}/web/exec?command=sh&${all}`, {
        protocols: ["v5.channel.k8s.io"],
      });
      if ("code" in client) throw new Error("refused");
      expect(await client.closed()).toBe(1000);
      expect(JSON.parse(client.read(3))).toMatchObject({
        status: "Failure",
        reason: "ServiceUnavailable",
        message: "the engine is away",
      });
    });

    test("holds a process back whose client does not read", async () => {
      const client = await overSocket();
      client.socket.pause();
      let said = 0;
      const talk = async (): Promise<void> => {
        for (; said < 1_000; said += 1) await process.say("stdout", Buffer.alloc(64 * 1024));
      };
      void talk(); // stops with the process
      for (let turn = 0; turn < 300; turn += 1) await new Promise((go) => setImmediate(go));
      expect(said).toBeLessThan(30);
      client.socket.terminate();
    });

    test("closes with 1001 when the server stops, and leaves nothing running", async () => {
      const client = await overSocket();
      const closing = server.app.close();
      expect(await client.closed()).toBe(1001);
      await closing;
      await eventually("nothing runs", process.isLeft);
    });
  });

  describe("exec over SPDY", () => {
    const roles = ["error", "stdin", "stdout", "stderr"];

    async function overSpdy(protocols: readonly string[]): Promise<SpdyClient> {
      const answer = await openSpdy(server.app, `${pods}/web/exec?command=sh&${all}`, protocols);
      if ("code" in answer) throw new Error(JSON.stringify(answer.body));
      const { client } = answer;
      for (const [index, streamtype] of roles.entries()) {
        await client.open(1 + 2 * index, { streamtype });
      }
      await process.started();
      return client;
    }

    test("carries all streams and the JSON status of v4", async () => {
      const client = await overSpdy(["v5.channel.k8s.io", "v4.channel.k8s.io"]);
      client.write(3, "hello", true);
      await eventually("the input ended", process.inputEnded);
      await process.say("stdout", "out");
      await process.say("stderr", "err");
      process.exit(7);
      await client.until("the goodbye", ({ type }) => type === "goAway");
      expect([process.input(), client.read(5).toString(), client.read(7).toString()]).toEqual([
        "hello",
        "out",
        "err",
      ]);
      expect(JSON.parse(client.read(1).toString())).toMatchObject({
        details: { causes: [{ reason: "ExitCode", message: "7" }] },
      });
      expect([1, 5, 7].every((stream) => client.isEnded(stream))).toBe(true);
    });

    test("sends text before v4", async () => {
      const client = await overSpdy(["v2.channel.k8s.io"]);
      process.exit(3);
      await client.until("the goodbye", ({ type }) => type === "goAway");
      expect(client.read(1).toString()).toMatch(/exit status 3$/);
    });

    test("ends the command of a client that is gone", async () => {
      const client = await overSpdy(["v4.channel.k8s.io"]);
      client.transport.destroy();
      await eventually("the process was left", process.isLeft);
    });

    test("answers with the protocol that it chose", async () => {
      const answer = await openSpdy(server.app, `${pods}/web/exec?command=sh&${all}`, [
        "v9.channel.k8s.io",
        "v3.channel.k8s.io",
      ]);
      expect(answer.headers).toMatchObject({
        upgrade: "SPDY/3.1",
        "x-stream-protocol-version": "v3.channel.k8s.io",
      });
      if (!("code" in answer)) answer.client.transport.destroy();
    });
  });

  test("attach ends with success, however the main process ended", async () => {
    const client = await openSocket(server.app, `${pods}/web/attach?stdout=1`, {
      protocols: ["v5.channel.k8s.io"],
    });
    if ("code" in client) throw new Error("refused");
    await process.started();
    expect(asked).toEqual([{ container: "app", stdin: false, tty: false }]);
    await process.say("stdout", "bye");
    process.exit(9);
    expect(await client.closed()).toBe(1000);
    expect([client.read(1), client.read(3)]).toEqual(["bye", '{"metadata":{},"status":"Success"}']);
  });

  describe("what is refused before anything is upgraded", () => {
    const socket = { protocols: ["v5.channel.k8s.io"] };
    test.each([
      ["web/exec?command=sh", 400, "you must specify at least 1 of stdin, stdout, stderr"],
      ["web/exec?stdout=1", 400, "you must specify at least one command for the container"],
      ["web/exec?stdout=1&command=sh&container=no", 400, "container no is not valid for pod web"],
      ["none/exec?stdout=1&command=sh", 404, 'pods "none" not found'],
      ["web/nothing?stdout=1", 404, "could not find the requested resource"],
    ])("%s", async (path, code, words) => {
      const answer = await openSocket(server.app, `${pods}/${path}`, socket);
      const body = { kind: "Status", code, message: expect.stringContaining(words) as unknown };
      expect(answer).toMatchObject({ code, body });
    });

    test("a plain request", async () => {
      for (const method of ["GET", "POST"] as const) {
        const { code, body } = await server.send(method, `${pods}/web/exec?command=sh&stdout=1`);
        expect([code, body["message"]]).toEqual([400, "Upgrade request required"]);
      }
      const put = await server.send("PUT", `${pods}/web/exec?command=sh&stdout=1`, {});
      expect(put.code).toBe(405);
    });

    test("a protocol that nobody speaks", async () => {
      const path = `${pods}/web/exec?command=sh&stdout=1`;
      const unknown = await openSocket(server.app, path, { protocols: ["v9.channel.k8s.io"] });
      expect(unknown).toMatchObject({ code: 403, body: { reason: "Forbidden" } });
      expect(await openSpdy(server.app, path, ["v9.channel.k8s.io"])).toMatchObject({ code: 403 });
      expect(await openSpdy(server.app, path, [])).toMatchObject({ code: 400 });
    });

    test("a handshake that is none", async () => {
      const headers = { "sec-websocket-version": "1" };
      const answer = await openSocket(server.app, `${pods}/web/exec?command=sh&stdout=1`, {
        ...socket,
        headers,
      });
      expect(answer).toMatchObject({ code: 400, body: { kind: "Status" } });
    });

    test("what the agent refuses", async () => {
      serve({
        exec: () => Promise.reject(conflict({ group: "", plural: "pods" }, "web", "it is exited")),
      });
      const answer = await openSocket(server.app, `${pods}/web/exec?command=sh&stdout=1`, socket);
      expect(answer).toMatchObject({ code: 409, headers: { connection: "close" } });
    });

    test("a node that nobody serves", async () => {
      await server.send("POST", pods, {
        metadata: { name: "far" },
        spec: { nodeName: "n2", containers: [{ name: "app", image: "web:1" }] },
      });
      const answer = await openSocket(server.app, `${pods}/far/exec?command=sh&stdout=1`, socket);
      expect(answer).toMatchObject({ code: 503 });
    });
  });
});
