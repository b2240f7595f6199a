/** An element: its name, the elements in it, and its text. */
export type Element = {
  readonly name: string;
  readonly children: readonly Element[];
  readonly text: string;
};

const entities: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
};

function decode(text: string): string {
  return text.replaceAll(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return entities[name] ?? whole;
    const code = name[1] === "x" ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
  });
}

/** An element that is still open. */
type Open = { readonly name: string; readonly children: Element[]; text: string };

const token = /<(\/?)([A-Za-z_][\w.:-]*)((?:\s[^<>]*?)?)(\/?)>|<\?[^>]*\?>|<!--[\s\S]*?-->/g;
const maxDepth = 64;

/** The elements that are open, outermost first, below a root that stands for the document. */
class Tree {
  readonly #root: Open = { name: "", children: [], text: "" };
  readonly #open: Open[] = [this.#root];

  get #top(): Open {
    return this.#open.at(-1) ?? this.#root;
  }

  text(text: string): void {
    this.#top.text += decode(text);
  }

  begin(name: string): void {
    if (this.#open.length > maxDepth) throw new Error("it is nested too deeply");
    this.#open.push({ name, children: [], text: "" });
  }

  end(name: string): void {
    const done = this.#open.length === 1 ? undefined : this.#open.pop();
    if (done?.name !== name) throw new Error(`</${name}> closes nothing`);
    this.#top.children.push(done);
  }

  document(): Element {
    const [document, second] = this.#root.children;
    if (this.#open.length !== 1) throw new Error(`<${this.#top.name}> is not closed`);
    if (document === undefined || second !== undefined) throw new Error("want one document");
    return document;
  }
}

/**
 * Reads the XML that AWS answers with: elements and text. There are no entities but the five of XML,
 * no document types, no attributes; what is not well-formed, such as half an answer, is refused.
 *
 * @throws Error naming what is wrong
 */
export function parseXml(source: string): Element {
  const tree = new Tree();
  let from = 0;
  for (const match of source.matchAll(token)) {
    const [whole, closing, name, , empty] = match;
    tree.text(source.slice(from, match.index));
    from = match.index + whole.length;
    if (name === undefined) continue; // a declaration or a comment
    if (closing === "") tree.begin(name);
    if (closing === "/" || empty === "/") tree.end(name);
  }
  return tree.document();
}

/** Elements at a path of names below `element`. */
export function all(element: Element, ...path: readonly string[]): readonly Element[] {
  return path.reduce<readonly Element[]>(
    (found, name) => found.flatMap(({ children }) => children.filter((one) => one.name === name)),
    [element],
  );
}

/** The text at a path of names; empty when there is none. */
export function textOf(element: Element, ...path: readonly string[]): string {
  return all(element, ...path)[0]?.text.trim() ?? "";
}
