import { expect, test } from "vitest";
import type { Io } from "./command.ts";
import { commands } from "./commands.ts";
import { groupSummary, parse } from "./program.ts";

function recorder(): { readonly io: Io; text(): string } {
  const said: string[] = [];
  const note = (chunk: string): void => void said.push(chunk);
  const io: Io = {
    out: note,
    err: note,
    isTerminal: false,
    color: false,
    env: {},
    readStdin: () => Promise.resolve(""),
    clock: { nowMs: () => 0 },
  };
  return { io, text: () => said.join("") };
}

test("parse() gives command, arguments and flags", () => {
  const { io } = recorder();
  const line = ["get", "app", "web", "-o", "yaml", "-A", "--field-selector", "metadata.name=web"];
  expect(parse(commands, line, io)).toMatchObject({
    command: { name: "get" },
    args: ["app", "web"],
    flags: {
      output: "yaml",
      "all-namespaces": true,
      "field-selector": "metadata.name=web",
      watch: undefined,
    },
  });
});

test("parse() collects a repeatable flag and finds a command of two words", () => {
  const { io } = recorder();
  expect(parse(commands, ["up", "--docker", "a", "--docker", "b"], io)).toMatchObject({
    flags: { docker: ["a", "b"] },
  });
  expect(parse(commands, ["rollout", "status", "web"], io)).toMatchObject({
    command: { name: "rollout status" },
    args: ["web"],
  });
});

test("parse() keeps the names of negative flags", () => {
  const { io } = recorder();
  expect(parse(commands, ["delete", "app", "web", "--no-wait"], io)).toMatchObject({
    flags: { "no-wait": true },
  });
  expect(parse(commands, ["delete", "app", "web"], io)).toMatchObject({
    flags: { "no-wait": undefined },
  });
});

test.each([
  ["an unknown command suggests the nearest", ["gett"], 2, "Did you mean get?"],
  ["an unknown flag", ["get", "--outptu", "yaml"], 2, "unknown option '--outptu'"],
  ["a value outside the choices", ["get", "app", "-o", "xml"], 2, "Allowed choices are wide, yaml"],
  ["a flag without its value", ["get", "-n"], 2, "argument missing"],
  ["no command", [], 2, "Usage: lighthouse"],
  ["a group without its command", ["rollout"], 2, "Usage: lighthouse rollout"],
  ["--help", ["--help"], 0, "completion"],
])("parse() %s", (_why, line, code, says) => {
  const { io, text } = recorder();
  expect(parse(commands, line, io)).toBe(code);
  expect(text()).toContain(says);
});

test("every group of commands says what it is about", () => {
  const groups = new Set(commands.flatMap(({ name }) => name.match(/^\S+(?= )/)?.[0] ?? []));
  for (const group of groups) expect(groupSummary(group), group).not.toBe(`${group} commands`);
});

test("every command has a help with its summary, and examples that parse", () => {
  for (const { name, summary, examples } of commands.filter((one) => !one.name.startsWith("__"))) {
    const { io, text } = recorder();
    expect(parse(commands, [...name.split(" "), "--help"], io)).toBe(0);
    expect(text()).toContain(summary);
    for (const [line] of examples.filter(([first]) => first.startsWith("lighthouse "))) {
      expect(parse(commands, line.split(" | ")[0]?.split(" ").slice(1) ?? [], io)).toMatchObject({
        command: { name },
      });
      expect(text()).toContain(line);
    }
  }
});

test("the hidden completion command is not in the help", () => {
  const { io, text } = recorder();
  parse(commands, ["--help"], io);
  expect(text()).not.toContain("__complete");
});
