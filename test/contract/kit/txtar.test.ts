import { expect, test } from "vitest";
import { linesOf, parseTxtar } from "./txtar.ts";

test("parseTxtar() splits a script and its files", () => {
  const { script, files } = parseTxtar("a\nb\n-- x.yaml --\none\n-- d/y --\n-- not a marker\n");
  expect(script).toBe("a\nb");
  expect([...files]).toEqual([
    ["x.yaml", "one\n"],
    ["d/y", "-- not a marker\n"],
  ]);
});

const words = (line: string, env = {}): readonly string[] =>
  [...linesOf(line, env)].flatMap((one) => [...one.words]);

test.each<[string, string, readonly string[]]>([
  ["blanks separate", "kubectl  get\tpods", ["kubectl", "get", "pods"]],
  ["quotes keep blanks and dollars", "stdout 'a  $B'", ["stdout", "a  $B"]],
  ["two quotes are one", "stdout 'it''s'", ["stdout", "it's"]],
  ["quotes within a word", "a='b c'd", ["a=b cd"]],
  ["an empty word", "env A=''", ["env", "A="]],
  ["an empty argument", "kube-retry x y ''", ["kube-retry", "x", "y", ""]],
  ["variables", "kubectl -n $NS ${NS}x $NONE", ["kubectl", "-n", "shop", "shopx", ""]],
  ["comments", "kubectl get # all", ["kubectl", "get"]],
  ["a number sign within a word", "a#b", ["a#b"]],
])("linesOf() splits words: %s", (_why, line, wanted) => {
  expect(words(line, { NS: "shop" })).toEqual(wanted);
});

test("linesOf() reads negation and conditions, and counts lines", () => {
  expect([...linesOf("# no\n\n[kubectl:1.27] ! stdout x", {})]).toEqual([
    { line: 3, condition: "kubectl:1.27", negated: true, words: ["stdout", "x"] },
  ]);
});
