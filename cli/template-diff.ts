import { stringify } from "yaml";
import type { PodTemplate } from "../crds/types.gen.ts";
import type { Io } from "./command.ts";
import { paint, type Style } from "./output.ts";
import { unifiedDiff } from "./unified-diff.ts";

/** A template and what it is called in the title of a diff. */
export type Titled = { readonly title: string; readonly template: PodTemplate | undefined };

/** A template as YAML, keys in order of the alphabet, so that equal ones are equal texts. */
export function templateText(template: PodTemplate | undefined): string {
  if (template === undefined) return "";
  const options = { aliasDuplicateObjects: false, sortMapEntries: true, lineWidth: 0 };
  return stringify(template, { ...options, version: "1.1" });
}

function styleOf(line: string): Style | undefined {
  if (line.startsWith("@@")) return "cyan";
  if (line.startsWith("+")) return "green";
  return line.startsWith("-") ? "red" : undefined;
}

/** What differs between two templates, as a unified diff; empty when nothing does. */
export function templateDiff(io: Io, before: Titled, after: Titled): string {
  const lines = unifiedDiff(templateText(before.template), templateText(after.template));
  if (lines.length === 0) return "";
  const titles = [`--- ${before.title}`, `+++ ${after.title}`].map((line) =>
    paint(io, "bold", line),
  );
  const body = lines.map((line) => {
    const style = styleOf(line);
    return style === undefined ? line : paint(io, style, line);
  });
  return [...titles, ...body].map((line) => `${line}\n`).join("");
}
