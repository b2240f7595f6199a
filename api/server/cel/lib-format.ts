import {
  labelNameProblems,
  labelValueProblems,
  qualifiedNameProblems,
  rfc1035LabelProblems,
  subdomainProblems,
} from "../../machinery/names.ts";
import { textFormat } from "../../machinery/schema-format.ts";
import { costs } from "./cost.ts";
import type { FunctionEntry } from "./function-table.ts";
import { CelOpaque, CelOptional, noValue } from "./value.ts";

type Problems = (text: string) => readonly string[];

/** A named form of text. */
class CelFormat extends CelOpaque {
  readonly typeName = "kubernetes.NamedFormat";
  readonly called: string;
  readonly problems: Problems;
  constructor(called: string, problems: Problems) {
    super();
    this.called = called;
    this.problems = problems;
  }
  equals(other: CelFormat): boolean {
    return this.called === other.called;
  }
}

/** A prefix is good when a good name can begin with it. */
const asPrefix =
  (problems: Problems): Problems =>
  (text) =>
    problems(text.endsWith("-") ? `${text.slice(0, -1)}a` : text);

const schemaFormat =
  (format: string): Problems =>
  (text) =>
    textFormat(format)?.(text) === false ? [`invalid ${format}`] : [];

const formats: ReadonlyMap<string, CelFormat> = new Map(
  (
    [
      ["dns1123Label", labelNameProblems],
      ["dns1123Subdomain", subdomainProblems],
      ["dns1035Label", rfc1035LabelProblems],
      ["qualifiedName", qualifiedNameProblems],
      ["dns1123LabelPrefix", asPrefix(labelNameProblems)],
      ["dns1123SubdomainPrefix", asPrefix(subdomainProblems)],
      ["dns1035LabelPrefix", asPrefix(rfc1035LabelProblems)],
      ["labelValue", labelValueProblems],
      ["uri", schemaFormat("uri")],
      ["uuid", schemaFormat("uuid")],
      ["byte", schemaFormat("byte")],
      ["date", schemaFormat("date")],
      ["datetime", schemaFormat("datetime")],
    ] as const
  ).map(([name, problems]) => [name, new CelFormat(name, problems)]),
);

const type = "kubernetes.NamedFormat";

/** Kubernetes' functions for named forms of text. */
export const formatFunctions: readonly FunctionEntry[] = [
  [
    `format.named(string): optional<${type}>`,
    (name: string) => {
      const found = formats.get(name);
      return found === undefined ? noValue : new CelOptional(true, found);
    },
  ],
  ...[...formats.values()].map((format): FunctionEntry => [
    `format.${format.called}(): ${type}`,
    () => format,
  ]),
  [
    `${type}.validate(string): optional<list<string>>`,
    (format: CelFormat, text: string) => {
      const problems = format.problems(text);
      return problems.length === 0 ? noValue : new CelOptional(true, problems);
    },
    costs.format,
  ],
];
