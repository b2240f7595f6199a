import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { containerLabel } from "../../../crds/labels.ts";
import type { NodeAnswer, NodeCall } from "../../tunnel/node-link.ts";
import { hideValues } from "./hide-values.ts";

const ours = { [containerLabel.podUid]: "1234" };

const answerOf = (value: unknown, status = 200): NodeAnswer => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return {
    status,
    headers: { "content-length": String(text.length) },
    body: Readable.from([Buffer.from(text)]),
  };
};

const inspected = (labels: object): object => ({
  Id: "abc",
  Path: "sh",
  Args: ["-c", "run --password=canary"],
  Config: {
    Env: ["PATH=/bin", "PASSWORD=canary", "LINES=a\ncanary", "EMPTY"],
    Cmd: ["run --password=canary"],
    Entrypoint: null,
    Labels: labels,
    Healthcheck: { Test: ["CMD", "check", "canary"] },
  },
});

type Shown = { readonly text: string; readonly value: unknown; readonly length: unknown };

async function shown(pattern: string, answer: NodeAnswer, labels: object = ours): Promise<Shown> {
  const path = `/docker/v1.41${pattern.replace("{id}", "abc")}?ps_args=aux`;
  const call = { method: "GET", path, headers: {}, caller: {} } as unknown as NodeCall;
  const handler = async ({ path: asked }: NodeCall): Promise<NodeAnswer> => {
    expect(asked).toBe("/docker/v1.41/containers/abc/json");
    return answerOf(inspected(labels));
  };
  const hiding = { handler, pattern, call, signal: new AbortController().signal };
  const hidden = await hideValues(hiding, answer);
  const chunks = await Array.fromAsync(hidden.body as AsyncIterable<Buffer>);
  const text = Buffer.concat(chunks).toString();
  return { text, value: JSON.parse(text), length: hidden.headers["content-length"] };
}

test("hideValues() shows names and no values of the environment of Pods and agents", async () => {
  for (const labels of [ours, { [containerLabel.agent]: "" }]) {
    const { value, text, length } = await shown(
      "/containers/{id}/json",
      answerOf(inspected(labels)),
    );
    expect(text).not.toContain("canary");
    expect(length).toBe(String(Buffer.byteLength(text)));
    expect(value).toMatchObject({
      Id: "abc",
      Config: {
        Env: ["PATH=(hidden)", "PASSWORD=(hidden)", "LINES=(hidden)", "EMPTY=(hidden)"],
        Entrypoint: null,
      },
    });
  }
});

test("hideValues() leaves containers of people as they are", async () => {
  const theirs = inspected({ [containerLabel.cluster]: "" });
  expect((await shown("/containers/{id}/json", answerOf(theirs))).value).toEqual(theirs);
  const list = [{ Id: "a", Command: "mine", Labels: {} }];
  expect((await shown("/containers/json", answerOf(list))).value).toEqual(list);
});

test("hideValues() hides commands in lists and sums", async () => {
  const list = [
    { Id: "a", Command: "canary", Labels: ours },
    { Id: "b", Command: "b", Labels: null },
  ];
  const want = [
    { Id: "a", Command: "(hidden)", Labels: ours },
    { Id: "b", Command: "b", Labels: null },
  ];
  expect((await shown("/containers/json", answerOf(list))).value).toEqual(want);
  const sum = { LayersSize: 1, Containers: list };
  expect((await shown("/system/df", answerOf(sum))).value).toEqual({
    LayersSize: 1,
    Containers: want,
  });
});

test("hideValues() hides what processes of a Pod were started with, whatever ps was asked for", async () => {
  const top = { Titles: ["PID", "COMMAND"], Processes: [["1", "run PASSWORD=canary"]] };
  expect((await shown("/containers/{id}/top", answerOf(top))).value).toEqual({
    Titles: ["PID", "COMMAND"],
    Processes: [["1", "(hidden)"]],
  });
  expect((await shown("/containers/{id}/top", answerOf(top), {})).value).toEqual(top);
});

const event = (action: string, labels: object): string =>
  JSON.stringify({
    status: action,
    id: "abc",
    Type: "container",
    Action: action,
    Actor: { ID: "abc", Attributes: { execID: "e1", ...labels } },
  });

test("hideValues() hides commands in events, as they come and however they are cut", async () => {
  const lines = [
    event("exec_create: sh -c login canary\nmore canary", ours),
    event("exec_start: sh -c é canary", ours),
    event("start", ours),
    event("exec_create: sh -c mine", {}),
  ];
  const bytes = Buffer.from(`${lines.join("\n")}\n`);
  const cut = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) =>
    bytes.subarray(i * 7, (i + 1) * 7),
  );
  const answer = { status: 200, headers: {}, body: Readable.from(cut) };
  const call = { method: "GET", path: "/docker/events" } as NodeCall;
  const handler = async (): Promise<NodeAnswer> => answer;
  const { signal } = new AbortController();
  const { body } = await hideValues({ handler, pattern: "/events", call, signal }, answer);
  const text = Buffer.concat(await Array.fromAsync(body as AsyncIterable<Buffer>)).toString();
  expect(text).not.toContain("canary");
  const actions = text
    .trimEnd()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly Action: string }).Action);
  expect(actions).toEqual([
    "exec_create: (hidden)",
    "exec_start: (hidden)",
    "start",
    "exec_create: sh -c mine",
  ]);
});

test("hideValues() hides the command of an exec in a container of ours", async () => {
  const id = "ab".repeat(32);
  const exec = { ContainerID: id, ProcessConfig: { entrypoint: "sh", arguments: ["canary"] } };
  const labelsOf = { current: ours as object };
  const handler = async ({ path }: NodeCall): Promise<NodeAnswer> => {
    expect(path).toBe(`/docker/v1.41/containers/${id}/json`);
    return answerOf(inspected(labelsOf.current));
  };
  const call = { method: "GET", path: "/docker/v1.41/exec/e1/json" } as NodeCall;
  const { signal } = new AbortController();
  const look = async (): Promise<unknown> => {
    const hiding = { handler, pattern: "/exec/{id}/json", call, signal };
    const { body } = await hideValues(hiding, answerOf(exec));
    return JSON.parse(
      Buffer.concat(await Array.fromAsync(body as AsyncIterable<Buffer>)).toString(),
    );
  };
  expect(await look()).toEqual({
    ContainerID: id,
    ProcessConfig: { entrypoint: "(hidden)", arguments: ["(hidden)"] },
  });
  labelsOf.current = {};
  expect(await look()).toEqual(exec);
});

test("hideValues() lets nothing pass that it cannot read, and repeats none of it", async () => {
  const broken = shown("/containers/{id}/json", answerOf('{"Config": canary'));
  await expect(broken).rejects.toThrow("Cannot show what the engine answers");
  await expect(broken).rejects.not.toThrow("canary");
  expect(
    (await shown("/containers/{id}/json", answerOf({ message: "no such container" }, 404))).value,
  ).toEqual({
    message: "no such container",
  });
});
