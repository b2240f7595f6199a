/** A script with its files, in the txtar form of Go's test scripts. */
export type Txtar = {
  /** Everything before the first file. */
  readonly script: string;
  /** Texts by name. */
  readonly files: ReadonlyMap<string, string>;
};

const fileMarker = /^-- (.+) --$/;

/** Splits an archive at its `-- NAME --` lines. A name that comes twice is the later one's. */
export function parseTxtar(text: string): Txtar {
  const files = new Map<string, string>();
  const script: string[] = [];
  let name: string | undefined;
  let lines: string[] = script;
  const finish = (): void => {
    if (name !== undefined) files.set(name, `${lines.join("\n")}\n`);
  };
  for (const line of text.replace(/\n$/, "").split("\n")) {
    const next = fileMarker.exec(line)?.[1];
    if (next === undefined) {
      lines.push(line);
    } else {
      finish();
      [name, lines] = [next.trim(), []];
    }
  }
  finish();
  return { script: script.join("\n"), files };
}

/** One line of a script. */
export type ScriptLine = {
  /** Counted from 1. */
  readonly line: number;
  readonly condition: string | undefined;
  readonly negated: boolean;
  readonly words: readonly string[];
};

type Word = { text: string; begun: boolean };

/** Words of a line: blanks separate, 'quotes' keep, '' inside quotes is one, # begins a comment. */
function wordsOf(line: string, env: Readonly<Record<string, string>>): readonly string[] {
  const words: string[] = [];
  const word: Word = { text: "", begun: false };
  const finish = (): void => {
    if (word.begun) words.push(word.text);
    [word.text, word.begun] = ["", false];
  };
  const pattern = /'((?:[^']|'')*)'|(\s+|(?<!\S)#.*$)|\$\{?(\w+)\}?|[^\s'$]+|\$/g;
  for (const [all, quoted, blank, name] of line.matchAll(pattern)) {
    if (blank === undefined) {
      const expanded = name === undefined ? all : (env[name] ?? "");
      word.text += quoted?.replaceAll("''", "'") ?? expanded;
      word.begun = true;
    } else {
      finish();
    }
  }
  finish();
  return words;
}

/** The commands of a script. `env` is what `$NAME` stands for outside quotes; read at each line. */
export function* linesOf(
  script: string,
  env: Readonly<Record<string, string>>,
): Generator<ScriptLine, void, undefined> {
  let line = 0;
  for (const text of script.split("\n")) {
    line += 1;
    let words = wordsOf(text, env);
    const condition = /^\[(.+)\]$/.exec(words[0] ?? "")?.[1];
    if (condition !== undefined) words = words.slice(1);
    const negated = words[0] === "!";
    if (negated) words = words.slice(1);
    if (words.length > 0) yield { line, condition, negated, words };
  }
}
