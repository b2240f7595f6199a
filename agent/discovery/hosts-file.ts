import { isAbsolute, join } from "node:path";
import { type Document, isNode, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { badRequest, type StatusError } from "../../api/machinery/errors.ts";
import {
  labelValueProblems,
  qualifiedNameProblems,
  subdomainProblems,
} from "../../api/machinery/names.ts";
import { parseEndpoint, type SshLogin, type TlsFiles } from "../engine/endpoint.ts";
import type { DockerHost } from "./provider.ts";

/** Reads a file that the hosts file names, such as a key. Throws an error that names it. */
export type ReadText = (path: string) => string;

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"] as const;

/** A text of which `problems` has nothing to say. */
const checked = (problems: (text: string) => readonly string[]) =>
  z.string().superRefine((text, context) => {
    const [message] = problems(text);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

/** Domains whose labels agents may not set, but for those below. */
const closed = /^(([\w.-]+\.)?(kubernetes|k8s)\.io|lighthouse\.dev)\//;
const open = /^((node|kubelet)\.kubernetes\.io\/|topology\.kubernetes\.io\/(region|zone)$)/;

const labelKey = checked((key) =>
  closed.test(key) && !open.test(key)
    ? ["the agent may not set labels of this domain; a Beacon's spec.nodeLabels may name them"]
    : qualifiedNameProblems(key),
);
const taintKey = checked((key) =>
  key.startsWith("node.kubernetes.io/")
    ? ["taints of node.kubernetes.io/ are set by the node controller"]
    : qualifiedNameProblems(key),
);
const path = checked((text) => (isAbsolute(text) ? [] : ["want an absolute path"]));

const hostSchema = z.strictObject({
  url: z.string(),
  name: checked(subdomainProblems).max(63).optional(),
  tls: path.optional(),
  ssh: z.strictObject({ key: path.optional(), knownHosts: path }).optional(),
  labels: z.record(labelKey, checked(labelValueProblems)).default({}),
  taints: z
    .array(
      z.strictObject({
        key: taintKey,
        value: checked(labelValueProblems).optional(),
        effect: z.enum(effects),
      }),
    )
    .default([]),
});
const fileSchema = z.strictObject({ hosts: z.array(hostSchema).max(10_000) });
type FileHost = z.infer<typeof hostSchema>;

/** A place in the file, for people. */
type Place = (keys: readonly PropertyKey[]) => string;

const dotted = (keys: readonly PropertyKey[]): string =>
  keys.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : `${text}${text === "" ? "" : "."}${String(key)}`,
    "",
  );

/** `line 7: hosts[2].url`: the line of the nearest thing that is there. */
function placeIn(document: Document, lines: LineCounter): Place {
  return (keys) => {
    for (let length = keys.length; length >= 0; length -= 1) {
      const node = document.getIn(keys.slice(0, length), true);
      if (!isNode(node) || !node.range) continue;
      const field = keys.length === 0 ? "" : `: ${dotted(keys)}`;
      return `line ${lines.linePos(node.range[0]).line}${field}`;
    }
    return `line 1: ${dotted(keys)}`;
  };
}

function read(text: string, wrong: (why: string) => StatusError) {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined)
    throw wrong(`line ${lines.linePos(error.pos[0]).line}: ${error.message.replace(/\.$/, "")}`);
  const place = placeIn(document, lines);
  const parsed = fileSchema.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (parsed.success) return { hosts: parsed.data.hosts, place };
  const said = parsed.error.issues.map((issue) => {
    const unknown = issue.code === "unrecognized_keys" ? issue.keys.slice(0, 1) : [];
    const inner = issue.code === "invalid_key" ? issue.issues[0] : undefined;
    return `${place([...issue.path, ...unknown])}: ${(inner ?? issue).message}`;
  });
  const more = said.length > 3 ? `; and ${said.length - 3} more` : "";
  throw wrong(`${said.slice(0, 3).join("; ")}${more}`);
}

function loginOf({ ssh }: FileHost, readText: ReadText): { readonly ssh?: SshLogin } {
  if (ssh === undefined) return {};
  const key = ssh.key === undefined ? {} : { privateKey: readText(ssh.key) };
  return { ssh: { ...key, knownHosts: readText(ssh.knownHosts) } };
}

/** Texts, so that renewed certificates count at the next look. */
function tlsOf(dir: string | undefined, readText: ReadText): { readonly tls?: TlsFiles } {
  if (dir === undefined) return {};
  const read = (name: string): string => readText(join(dir, name));
  return { tls: { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem") } };
}

function toHost(one: FileHost, provider: string, readText: ReadText): DockerHost {
  const { url, name, tls, labels, taints } = one;
  const host: DockerHost = {
    url,
    provider,
    labels,
    ...(name === undefined ? {} : { name }),
    ...tlsOf(tls, readText),
    ...loginOf(one, readText),
    ...(taints.length === 0
      ? {}
      : {
          taints: taints.map(({ key, value, effect }) =>
            value === undefined ? { key, effect } : { key, value, effect },
          ),
        }),
  };
  parseEndpoint(url, host);
  return host;
}

/** What a hosts file is read for. */
export type HostsFile = {
  /** Path, for messages. */
  readonly path: string;
  readonly text: string;
  /** Name of the provider. */
  readonly provider: string;
  readonly readText: ReadText;
};

/**
 * The hosts of a file in YAML or JSON, in its order (docs/discovery.md has its fields).
 *
 * @throws StatusError `BadRequest` naming file, line and field of everything that cannot be, also of
 * a key or certificate that cannot be read.
 */
export function parseHostsFile(file: HostsFile): readonly DockerHost[] {
  const wrong = (why: string, cause?: unknown): StatusError =>
    badRequest(`Cannot use ${file.path}: ${why}`, cause === undefined ? {} : { cause });
  const { hosts, place } = read(file.text, wrong);
  const seen = new Map<string, string>();
  return hosts.map((host, index) => {
    const here = place(["hosts", index, "url"]);
    const before = seen.get(host.url);
    if (before !== undefined) throw wrong(`${here}: "${host.url}" stands at ${before} already`);
    seen.set(host.url, here);
    try {
      return toHost(host, file.provider, file.readText);
    } catch (err) {
      const why = err instanceof Error ? err.message : String(err);
      throw wrong(`${here}: ${why}`, err);
    }
  });
}
