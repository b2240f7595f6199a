import { type AuditEvent, decisionName, subjectOf } from "./event.ts";

/** Names of the conditions, as flags of the CLI and as parameters of the server. */
export const filterNames = [
  "user",
  "verb",
  "resource",
  "namespace",
  "name",
  "node",
  "code",
  "decision",
  "stage",
  "since",
  "until",
] as const;

/** What is looked for; all that is given must hold. */
export type AuditFilter = Readonly<Partial<Record<(typeof filterNames)[number], string>>>;

type Test = (event: AuditEvent) => boolean;

const tests: Readonly<Record<keyof AuditFilter, (wanted: string) => Test>> = {
  user:
    (wanted) =>
    ({ user, impersonatedUser }) =>
      user?.username === wanted || impersonatedUser?.username === wanted,
  verb: (wanted) => byList(wanted, ({ verb }) => verb),
  resource: (wanted) => {
    const names = wanted.split(",");
    return (event) => names.some((name) => isAbout(event, name));
  },
  namespace:
    (wanted) =>
    ({ objectRef }) =>
      objectRef?.namespace === wanted,
  name:
    (wanted) =>
    ({ objectRef }) =>
      objectRef?.name === wanted,
  node:
    (wanted) =>
    ({ objectRef, annotations }) =>
      (objectRef?.resource === "nodes" && objectRef.name === wanted) ||
      annotations?.["lighthouse.dev/node"] === wanted,
  code: codeTest,
  decision: (wanted) => byList(wanted, ({ annotations }) => annotations?.[decisionName] ?? "none"),
  stage: (wanted) => byList(wanted, ({ stage }) => stage),
  since: (wanted) => timeTest(wanted, "since", (at, limit) => at >= limit),
  until: (wanted) => timeTest(wanted, "until", (at, limit) => at < limit),
};

function byList(wanted: string, read: (event: AuditEvent) => string | undefined): Test {
  const list = new Set(wanted.split(","));
  return (event) => list.has(read(event) ?? "");
}

/** `pods`, `pods/exec`, `pods/*`, `applications.lighthouse.dev`, or a path such as `/auth/login`. */
function isAbout(event: AuditEvent, wanted: string): boolean {
  const { objectRef } = event;
  if (objectRef === undefined || wanted.startsWith("/")) return subjectOf(event) === wanted;
  const { resource = "", subresource = "", apiGroup } = objectRef;
  const [whole = "", part] = wanted.split("/");
  if (whole !== resource && whole !== `${resource}.${apiGroup ?? ""}`) return false;
  return part === undefined || part === "*" || part === subresource;
}

function codeTest(wanted: string): Test {
  const forms = wanted.split(",");
  const broken = forms.find((one) => !/^[1-9](\d\d|xx)$/.test(one));
  if (broken !== undefined) throw new Error(`code must be such as 403 or 4xx, is "${broken}"`);
  return ({ responseStatus }) => {
    const code = String(responseStatus?.code ?? "");
    return forms.some((one) => (one.endsWith("xx") ? code[0] === one[0] : code === one));
  };
}

function timeTest(wanted: string, name: string, holds: (at: number, limit: number) => boolean) {
  const limit = Date.parse(wanted);
  if (Number.isNaN(limit)) throw new Error(`${name} must be a time of RFC 3339, is "${wanted}"`);
  return ({ requestReceivedTimestamp = "" }: AuditEvent): boolean =>
    holds(Date.parse(requestReceivedTimestamp), limit);
}

/** One function for all conditions. @throws Error naming the value that cannot be one */
export function filterOf(filter: AuditFilter): Test {
  const all = filterNames.flatMap((name) => {
    const wanted = filter[name];
    return wanted === undefined || wanted === "" ? [] : [tests[name](wanted)];
  });
  return (event) => all.every((holds) => holds(event));
}
