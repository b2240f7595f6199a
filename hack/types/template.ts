const begin = /^ *# BEGIN copy of the template.*\n/m;
const end = /^ *# END copy.*\n/m;

/** The lines of the field `template:` with all that is indented below it. */
function templateBlock(application: string): string {
  const lines = application.split("\n");
  const start = lines.findIndex((line) => /^ {16}template:$/.test(line));
  if (start < 0) throw new Error("Cannot find the field template in crds/application.yaml");
  const length = lines.slice(start + 1).findIndex((line) => /^ {0,16}\S/.test(line));
  return `${lines.slice(start, start + 1 + length).join("\n")}\n`;
}

/**
 * `revision` with the template of `application` between its two markers. The two schemas must be
 * one, and a CRD can refer to nothing outside of itself.
 */
export function copyTemplate(application: string, revision: string): string {
  const from = begin.exec(revision);
  const to = end.exec(revision);
  if (from === null || to === null || to.index < from.index)
    throw new Error("Cannot find the markers of the template in crds/revision.yaml");
  const before = revision.slice(0, from.index + from[0].length);
  return before + templateBlock(application) + revision.slice(to.index);
}
