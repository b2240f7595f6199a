import { expect, test } from "vitest";
import { parseYaml } from "./yaml-body.ts";

test("parseYaml() reads the dialect of Kubernetes' tools", () => {
  const text = "on: yes\nmode: 0644\ntime: 2026-01-01T00:00:00Z\nname: 'no'\nlist: [1, two]\n";
  expect(parseYaml(text)).toEqual({
    value: { true: true, mode: 420, time: "2026-01-01T00:00:00Z", name: "no", list: [1, "two"] },
    duplicates: [],
  });
});

test("parseYaml() reports duplicate keys, and where the text is wrong", () => {
  expect(parseYaml("a: 1\nb: 2\na: 3\n").duplicates).toEqual(["a"]);
  expect(() => parseYaml("a: [1\n")).toThrow(/^yaml: line \d+, column \d+: /);
});

test("parseYaml() refuses a bomb of aliases", () => {
  const levels = ["a: &a [x, x]"];
  for (const [from, to] of ["ab", "bc", "cd", "de", "ef", "fg", "gh"]) {
    levels.push(`${to}: &${to} [${Array.from({ length: 20 }, () => `*${from}`).join(", ")}]`);
  }
  expect(() => parseYaml(levels.join("\n"))).toThrow("excessive aliasing");
});

test("parseYaml() says where a key stands twice, and the last value counts", () => {
  const text = "metadata:\n  labels: {app: a, app: b}\nlist:\n- x: 1\n  x: 2\n";
  expect(parseYaml(text)).toEqual({
    value: { metadata: { labels: { app: "b" } }, list: [{ x: 2 }] },
    duplicates: ["metadata.labels.app", "list.x"],
  });
});

test.each([
  ["two documents", "a: 1\n---\nb: 2\n", "a second document begins"],
  ["a map as a key", "? {a: 1}\n: 2\n", "a key is a list or a map"],
  ["an alias of nothing", "a: *b\n", "yaml: "],
  ["flow without end", "[".repeat(50_000), "nested too deeply"],
  ["a prototype", "__proto__: {a: 1}", "is no field"],
  ["an alias of what it is in", "a: &a {b: *a}", "an alias stands for what it is a part of"],
  ["aliases that multiply", bomb(), "xcessive alias"],
])("parseYaml() refuses %s", (_name, text, message) => {
  expect(() => parseYaml(text)).toThrow(message);
  expect(() => parseYaml(text)).toThrow(expect.objectContaining({ reason: "BadRequest" }));
});

/** Few aliases, each of which stands for nine of the one before. */
function bomb(): string {
  const levels = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [from, to] of ["ab", "bc", "cd", "de", "ef", "fg", "gh", "hi"]) {
    levels.push(`${to}: &${to} [${Array.from({ length: 9 }, () => `*${from}`).join(",")}]`);
  }
  return levels.join("\n");
}

test("parseYaml() reads long texts, and refuses what would take seconds", () => {
  const block = "line of text\n".repeat(100_000);
  const text = `data:\n  text: |\n${block.replaceAll(/^(?=.)/gm, "    ")}`;
  expect(parseYaml(text).value).toEqual({ data: { text: block } });
  const many = Array.from({ length: 100_000 }, (_, index) => `k${index}: 1`).join("\n");
  expect(() => parseYaml(many)).toThrow("more than 100000 tokens, send it as JSON");
});

test("parseYaml() compares no key with all others", () => {
  const keys = Array.from({ length: 10_000 }, (_, index) => `k${index}: 1\n`);
  const start = performance.now();
  expect(parseYaml([...keys, "k7: 2\n"].join("")).duplicates).toEqual(["k7"]);
  expect(performance.now() - start).toBeLessThan(5_000); // it was a minute
});
