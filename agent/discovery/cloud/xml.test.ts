import { expect, test } from "vitest";
import { all, parseXml, textOf } from "./xml.ts";

test("parseXml() reads elements, texts, entities, empty elements and comments", () => {
  const source =
    '<?xml version="1.0"?><!-- c --><a xmlns="u"><b>1 &lt; 2 &#38; &#x41;</b><b/><c d="e"><b>3</b></c></a>';
  const document = parseXml(source);
  expect(document.name).toBe("a");
  expect(all(document, "b")).toHaveLength(2);
  expect(textOf(document, "b")).toBe("1 < 2 & A");
  expect(textOf(document, "c", "b")).toBe("3");
  expect(textOf(document, "c", "none")).toBe("");
});

test.each([
  ["half a document", "<a><b>1</b>", "<a> is not closed"],
  ["crossed elements", "<a><b></a></b>", "</a> closes nothing"],
  ["two documents", "<a/><b/>", "want one document"],
  ["no document", "plain text", "want one document"],
  ["a close too many", "<a/></a>", "</a> closes nothing"],
  ["a pit", "<a>".repeat(100), "nested too deeply"],
])("parseXml() refuses %s", (_what, source, message) => {
  expect(() => parseXml(source)).toThrow(message);
});
