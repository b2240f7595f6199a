import { collectionPath } from "../../api/machinery/gvk.ts";
import type { KubeObject } from "../../api/machinery/object.ts";
import type { ResourceType } from "../../api/machinery/gvk.ts";
import {
  applications,
  beacons,
  namespaces,
  nodes,
  pods,
  sessions,
  users,
} from "../../api/machinery/resources.ts";
import type { Call, Command, Flag, Run, Session } from "../command.ts";
import { commonTypes, findType } from "../kinds.ts";
import { groupSummary } from "../program.ts";
import { readJson } from "../read.ts";
import { imagesOf, revisionsOf } from "../revisions.ts";
import { getApplication } from "../rollout.ts";
import { listTokens } from "../token.ts";

/** A word that completion offers, and what it means. */
type Offer = readonly [word: string, about: string];

const files: readonly Offer[] = [[":file", ""]];

/** The command that the words name, and the words after its name. */
function commandOf(
  commands: readonly Command[],
  words: readonly string[],
): readonly [Command | undefined, readonly string[]] {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(" ");
    const found = commands.find((command) => command.name === name && words.length > length);
    if (found !== undefined) return [found, words.slice(length)];
  }
  return [undefined, words];
}

function flagOffers(command: Command): readonly Offer[] {
  return command.flags.map(({ long, about }): Offer => [`--${long}`, about]);
}

const flagOf = (command: Command, word: string | undefined): Flag | undefined =>
  command.flags.find(({ long, short }) => word === `--${long}` || word === `-${short ?? " "}`);

async function namesIn(session: Session, path: string): Promise<readonly Offer[]> {
  type Listed = { readonly items: readonly KubeObject[] };
  const signal = AbortSignal.timeout(2000); // a shell that waits for a dead server feels broken
  const { items } = await readJson<Listed>(session.client, path, "application/json", signal);
  return items.map(({ metadata }): Offer => [metadata.name, ""]);
}

/** Numbers of the Revisions of the Application among the words, newest first, with their images. */
async function revisionOffers(call: Call, words: readonly string[]): Promise<readonly Offer[]> {
  const [name] = words;
  if (name === undefined) return [];
  const app = await getApplication({ ...call, args: [name] });
  const all = await revisionsOf(call, app);
  return all.toReversed().map((revision): Offer => {
    const { spec, status } = revision;
    return [String(spec.number), `${status?.phase ?? "Pending"} ${imagesOf(revision).join(",")}`];
  });
}

async function valueOffers(
  flag: Flag,
  call: Call,
  words: readonly string[],
): Promise<readonly Offer[]> {
  if (flag.choices !== undefined) return flag.choices.map((choice): Offer => [choice, ""]);
  if (flag.completes === "file") return files;
  if (flag.completes === "revision") return revisionOffers(call, words);
  if (flag.completes === "namespace") {
    return namesIn(await call.connect(), collectionPath(namespaces));
  }
  return [];
}

/** Kinds without namespace whose names a command takes. */
const clusterTypes: Readonly<Record<string, ResourceType>> = {
  node: nodes,
  beacon: beacons,
  user: users,
  session: sessions,
};

async function argumentOffers(
  command: Command,
  before: readonly string[],
  call: Call,
): Promise<readonly Offer[]> {
  const [typeWord] = before;
  if (command.completes === "type-then-name") {
    if (typeWord === undefined) return commonTypes.map((type): Offer => [type, ""]);
    const session = await call.connect();
    const type = await findType(session, typeWord);
    return namesIn(session, collectionPath(type, session.namespace));
  }
  if (command.completes === undefined || typeWord !== undefined) return [];
  if (command.completes === "token") {
    const tokens = await listTokens(call);
    return tokens.map(({ id, description }): Offer => [id, description]);
  }
  const session = await call.connect();
  const type = clusterTypes[command.completes];
  if (type !== undefined) return namesIn(session, collectionPath(type));
  const apps = await namesIn(session, collectionPath(applications, session.namespace));
  const named = apps.map(([name]): Offer => [`app/${name}`, "Application"]);
  if (command.completes === "application") return named;
  return [...named, ...(await namesIn(session, collectionPath(pods, session.namespace)))];
}

function commandOffers(commands: readonly Command[], words: readonly string[]): readonly Offer[] {
  const before = words.slice(0, -1).join(" ");
  const offers = new Map<string, string>();
  for (const { name, summary } of commands) {
    if (name.startsWith("__") || (before !== "" && !name.startsWith(`${before} `))) continue;
    const rest = before === "" ? name : name.slice(before.length + 1);
    const [word = "", ...more] = rest.split(" ");
    offers.set(word, more.length === 0 ? summary : groupSummary(word));
  }
  return [...offers];
}

/** The call in the namespace that the words name, if they do. */
function withNamespace(command: Command, words: readonly string[], call: Call): Call {
  const index = words.findLastIndex((word) => flagOf(command, word)?.long === "namespace");
  const joined = words.findLast((word) => word.startsWith("--namespace="));
  const namespace =
    joined?.slice("--namespace=".length) ?? (index < 0 ? undefined : words[index + 1]);
  if (namespace === undefined || namespace === "") return call;
  return { ...call, connect: async () => ({ ...(await call.connect()), namespace }) };
}

/** What the last of the words may become. */
async function complete(commands: readonly Command[], call: Call): Promise<readonly Offer[]> {
  const words = call.args;
  const last = words.at(-1) ?? "";
  const [command, rest] = commandOf(commands, words);
  if (command === undefined) return commandOffers(commands, words);
  const before = rest.slice(0, -1).filter((word, index) => {
    const owner = flagOf(command, rest[index - 1]);
    return !word.startsWith("-") && owner?.value === undefined;
  });
  const at = withNamespace(command, rest, call);
  const flag = flagOf(command, rest.at(-2));
  if (flag?.value !== undefined) return valueOffers(flag, at, before);
  if (last.startsWith("-")) return flagOffers(command);
  return argumentOffers(command, before, at);
}

/** `lighthouse __complete` over a table of commands: one offer a line, `word<TAB>about`; `:file`
 * stands for file names. */
export function completer(commands: readonly Command[]): Run {
  return async (call) => {
    const last = call.args.at(-1) ?? "";
    const offers = await complete(commands, call).catch(() => []); // no server, no names
    for (const [word, about] of offers) {
      if (word === ":file" || word.startsWith(last)) call.io.out(`${word}\t${about}\n`);
    }
    return 0;
  };
}
