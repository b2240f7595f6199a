import {
  isAlias,
  isCollection,
  isMap,
  isScalar,
  Lexer,
  LineCounter,
  parseDocument,
  visit,
} from "yaml";
import type { Document, YAMLParseError } from "yaml";
import { badRequest, type StatusError } from "../../machinery/errors.ts";
import { type Decoded, parseJson } from "./json-body.ts";

const timestamp = "tag:yaml.org,2002:timestamp";

/**
 * Reading YAML takes a thousand times as long as reading JSON, and the next one has to wait.
 * So many tokens are 14,000 lines of `name: value`, or any amount of text in blocks.
 */
const maxTokens = 100_000;
const maxAliases = 100;

const refused = (why: string): StatusError => badRequest(`yaml: ${why}`);

function checkSize(text: string): void {
  let tokens = 0;
  for (const _token of new Lexer().lex(text)) {
    tokens += 1;
    if (tokens > maxTokens) {
      throw refused(`document has more than ${maxTokens} tokens, send it as JSON`);
    }
  }
}

/** A path such as `metadata.labels.app` to a key, from the nodes above it. */
function pathOf(ancestors: readonly unknown[], key: string): string {
  const names = ancestors.flatMap((node) => {
    const name = typeof node === "object" && node !== null && "key" in node ? node.key : undefined;
    return isScalar(name) ? [String(name.value)] : [];
  });
  return [...names, key].join(".");
}

/** Keys that a map has twice, and whether the aliases are too many. */
function inspect(document: Document.Parsed): readonly string[] {
  const duplicates: string[] = [];
  let aliases = 0;
  visit(document, (_key, node, ancestors) => {
    if (isAlias(node)) aliases += 1;
    if (!isMap(node)) return;
    const seen = new Set<unknown>();
    for (const { key } of node.items) {
      if (isCollection(key)) throw refused("a key is a list or a map");
      const name = isScalar(key) ? key.value : key;
      // A merge key may stand several times.
      if (seen.has(name) && name !== "<<") duplicates.push(pathOf(ancestors, String(name)));
      seen.add(name);
    }
  });
  if (aliases > maxAliases) throw refused("document contains excessive aliasing");
  return duplicates;
}

/** What is wrong; some of it the library says in words for programmers. */
function problemOf({ code, message }: YAMLParseError): string {
  if (code === "MULTIPLE_DOCS") return "a second document begins";
  return message.startsWith("Maximum call stack") ? "it is nested too deeply" : message;
}

/** Shared nodes and YAML's own types (dates, sets) become plain JSON. */
function jsonOf(document: Document.Parsed): string {
  try {
    return JSON.stringify(document.toJS({ maxAliasCount: maxAliases }) ?? null);
  } catch (err) {
    if (err instanceof TypeError) throw refused("an alias stands for what it is a part of");
    // Aliases that multiply each other, or that stand before what they mean.
    throw refused(err instanceof Error ? err.message : String(err));
  }
}

/** Whether a text is JSON, as most of the YAML that programs send: that is read a thousand times as fast. */
export function isJsonText(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // flow style, or a document that the reader of YAML will say more about
  }
}

/**
 * Parses YAML 1.1, the dialect of Kubernetes' tools.
 * @throws StatusError `BadRequest` for bad text, and for more of it than can be read in a second
 */
export function parseYaml(text: string): Decoded {
  if (isJsonText(text)) return parseJson(text);
  checkSize(text);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    lineCounter: lines,
    prettyErrors: false,
    // The library compares each key with all others.
    uniqueKeys: false,
    // Times stay the strings they are on the wire.
    customTags: (tags) => tags.filter((tag) => typeof tag === "string" || tag.tag !== timestamp),
  });
  for (const err of document.errors) {
    const { line, col } = lines.linePos(err.pos[0]);
    throw refused(`line ${line}, column ${col}: ${problemOf(err)}`);
  }
  const duplicates = inspect(document);
  return { ...parseJson(jsonOf(document)), duplicates };
}
