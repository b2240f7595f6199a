import type { Client } from "../../api/client/client.ts";
import { isUnauthorized } from "../../api/machinery/errors.ts";
import { sessions } from "../../api/machinery/resources.ts";
import type { Session } from "../../crds/types.gen.ts";
import { type Call, Misuse, type Run, text } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { callJson } from "../login/auth-api.ts";
import { ageOf, formatTable } from "../output.ts";

type Own = { readonly items: readonly Session[]; readonly current: string };

const ownPath = "/auth/sessions";

/** One's own sessions; `undefined` when these credentials are no login. */
async function ownSessions(client: Client, signal: AbortSignal): Promise<Own | undefined> {
  try {
    return (await callJson(client, { method: "GET", path: ownPath }, signal)) as Own;
  } catch (err) {
    if (isUnauthorized(err)) return undefined;
    throw err;
  }
}

async function allSessions({ flags, signal }: Call, client: Client): Promise<readonly Session[]> {
  const user = text(flags, "user");
  const { items } = await client.list(sessions, {}, signal);
  return items.filter(({ spec }) => user === undefined || spec.user === user);
}

function row(call: Call, session: Session, current: string): readonly string[] {
  const { metadata, spec, status } = session;
  const name = metadata.name === current ? `${metadata.name} (this)` : metadata.name;
  const { io } = call;
  const times = [ageOf(io, status?.lastUsed ?? metadata.creationTimestamp), spec.expires];
  return [name, spec.user, spec.client, spec.address ?? "", ...times];
}

/** `lighthouse session list`: one's own, or those of others for who may see them. */
export const runSessionList: Run = async (call) => {
  const { flags, io, signal } = call;
  const { client } = await call.connect();
  const wide = flags["all"] === true || text(flags, "user") !== undefined;
  const own = wide ? undefined : await ownSessions(client, signal);
  const items = own?.items ?? (await allSessions(call, client));
  const format = text(flags, "output");
  if (isDocumentFormat(format)) {
    io.out(documentText(format, { items }));
    return 0;
  }
  if (items.length === 0) {
    io.err("No sessions found\n");
    return 0;
  }
  const title = ["NAME", "USER", "CLIENT", "ADDRESS", "LAST USED", "EXPIRES"];
  const rows = items.map((session) => row(call, session, own?.current ?? ""));
  io.out(formatTable([title, ...rows]));
  return 0;
};

/** What is to be ended. @throws Misuse */
async function chosen(
  call: Call,
  client: Client,
  own: Own | undefined,
): Promise<readonly string[]> {
  const { args, flags } = call;
  const ways = [args.length > 0, flags["others"] === true, text(flags, "user") !== undefined];
  if (ways.filter(Boolean).length !== 1) {
    throw new Misuse("Expected names of sessions, --others, or --user NAME");
  }
  if (args.length > 0) return args;
  if (flags["others"] !== true) {
    return (await allSessions(call, client)).map(({ metadata }) => metadata.name);
  }
  if (own === undefined) throw new Misuse("--others: these credentials are no user's login");
  return own.items.map(({ metadata }) => metadata.name).filter((name) => name !== own.current);
}

/** `lighthouse session revoke`. */
export const runSessionRevoke: Run = async (call) => {
  const { io, signal } = call;
  const { client } = await call.connect();
  const own = await ownSessions(client, signal);
  const isOwn = (name: string): boolean =>
    own?.items.some(({ metadata }) => metadata.name === name) === true;
  const names = await chosen(call, client, own);
  for (const name of names) {
    const base = isOwn(name) ? ownPath : "/apis/lighthouse.dev/v1/sessions";
    const path = `${base}/${encodeURIComponent(name)}`;
    await callJson(client, { method: "DELETE", path }, signal);
    io.out(`session ${name} revoked\n`);
  }
  if (names.length === 0) io.err("No sessions found\n");
  return 0;
};
