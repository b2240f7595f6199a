import { badRequest, type StatusError } from "./errors.ts";
import { labelValueProblems, qualifiedNameProblems } from "./names.ts";
import { integerOf, type Requirement } from "./selector.ts";

// The grammar and the words of its errors are those of Kubernetes' labels.Parse, including its
// oddities: `in` and `notin` are plain words where a key or a value is expected.

/** An identifier, one of the operators, or the end as an empty text. */
type Token = { readonly text: string; readonly word: boolean };

const end: Token = { text: "", word: false };

function tokenize(text: string): readonly Token[] {
  const tokens: Token[] = [];
  for (const [piece] of text.matchAll(/==|!=|[=!(),<>]|[^\s=!(),<>]+/g)) {
    tokens.push({ text: piece, word: !/^[=!(),<>]/.test(piece) });
  }
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  peek(): Token {
    return this.#tokens[this.#position] ?? end;
  }

  next(): Token {
    const token = this.peek();
    this.#position += 1;
    return token;
  }
}

const operators = ["in", "notin", "=", "==", "!=", "gt", "lt"].join(", ");

const found = (token: Token, expected: string): StatusError =>
  badRequest(`found '${token.text}', expected: ${expected}`);

const inRequirement = (why: string): StatusError =>
  badRequest(`unable to parse requirement: ${why}`);

const unexpected = (token: Token, expected: string): StatusError =>
  inRequirement(`found '${token.text}', expected: ${expected}`);

const invalidValue = (path: string, value: string, problem: string): StatusError =>
  inRequirement(`${path}: Invalid value: ${JSON.stringify(value)}: ${problem}`);

/** The values between parentheses; an empty place is the empty string, and doubles are dropped. */
function parseValues(parser: Parser): readonly string[] {
  const open = parser.next();
  if (open.text !== "(") throw inRequirement(`found '${open.text}' expected: '('`);
  const values: string[] = [""];
  for (;;) {
    const token = parser.next();
    if (token.word) {
      values[values.length - 1] = token.text;
      const after = parser.peek();
      if (after.text !== "," && after.text !== ")") throw unexpected(after, "',' or ')'");
    } else if (token.text === ",") values.push("");
    else if (token.text === ")") return [...new Set(values)].sort();
    else throw unexpected(token, "',', ')' or identifier");
  }
}

function parseValue(parser: Parser): readonly string[] {
  const { text, word } = parser.peek();
  if (text === "" || text === ",") return [""];
  const token = parser.next();
  if (!word) throw unexpected(token, "identifier");
  return [text];
}

function parseBound(parser: Parser): readonly string[] {
  const values = parseValue(parser);
  for (const [index, value] of values.entries()) {
    if (integerOf(value) !== undefined) continue;
    const problem = "for 'Gt', 'Lt' operators, the value must be an integer";
    throw invalidValue(`values[${index}]`, value, problem);
  }
  return values;
}

function parseBinary(key: string, parser: Parser): Requirement {
  const token = parser.next();
  switch (token.text) {
    case "=":
    case "==":
      return { key, operator: "=", values: parseValue(parser) };
    case "!=":
      return { key, operator: "!=", values: parseValue(parser) };
    case ">":
    case "<":
      return { key, operator: token.text, values: parseBound(parser) };
    case "in":
    case "notin":
      return { key, operator: token.text, values: parseValues(parser) };
    default:
      throw unexpected(token, operators);
  }
}

function parseRequirement(parser: Parser): Requirement {
  const negated = parser.peek().text === "!";
  if (negated) parser.next();
  const token = parser.next();
  if (!token.word) throw unexpected(token, "identifier");
  const key = token.text;
  const [problem] = qualifiedNameProblems(key);
  // "<nil>" stands where Kubernetes has no path either.
  if (problem !== undefined) throw invalidValue("<nil>", key, problem);
  if (negated) return { key, operator: "!", values: [] };
  const after = parser.peek().text;
  if (after === "" || after === ",") return { key, operator: "exists", values: [] };
  const requirement = parseBinary(key, parser);
  for (const [index, value] of requirement.values.entries()) {
    const [wrong] = labelValueProblems(value);
    if (wrong !== undefined) throw invalidValue(`values[${index}][${key}]`, value, wrong);
  }
  return requirement;
}

/**
 * Reads a `labelSelector` parameter: `app=web,tier!=cache,env in (a,b),zone notin (c),gpu,!spot`.
 * An empty text selects everything.
 *
 * @throws StatusError `BadRequest` with Kubernetes' words.
 */
export function parseLabelSelector(text: string): readonly Requirement[] {
  const parser = new Parser(text);
  const requirements: Requirement[] = [];
  if (parser.peek() === end) return requirements;
  for (;;) {
    const first = parser.peek();
    if (!first.word && first.text !== "!") throw found(first, "!, identifier, or 'end of string'");
    requirements.push(parseRequirement(parser));
    const separator = parser.next();
    if (separator === end) return requirements;
    if (separator.text !== ",") throw found(separator, "',' or 'end of string'");
    const after = parser.peek();
    if (!after.word && after.text !== "!") throw found(after, "identifier after ','");
  }
}
