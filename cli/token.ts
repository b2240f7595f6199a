import { randomInt } from "node:crypto";
import { isNotFound, notFound } from "../api/machinery/errors.ts";
import { labelValueProblems, qualifiedNameProblems } from "../api/machinery/names.ts";
import { type Secret, secrets } from "../api/machinery/resources.ts";
import { type Call, Misuse } from "./command.ts";

/** Where bootstrap tokens are kept, as kubeadm keeps its own. */
export const tokenNamespace = "kube-system";
const tokenType = "bootstrap.kubernetes.io/token";

const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

const random = (length: number): string =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join("");

/** What a token is for. */
export type TokenTerms = {
  /** RFC 3339; empty: for ever. */
  readonly expires: string;
  /** 0: any number. */
  readonly uses: number;
  /** Empty: any free name. */
  readonly beacon: string;
  /** e.g. `site=paris,tier=edge`; may be empty. */
  readonly labels: string;
  readonly description: string;
};

/** A token as lists show it: all but the secret. */
export type TokenView = TokenTerms & {
  readonly id: string;
  readonly used: number;
  /** RFC 3339; empty: never. */
  readonly lastUsed: string;
  readonly state: "Ready" | "Expired" | "UsedUp";
};

const decoded = ({ data }: Secret, key: string): string =>
  Buffer.from(data?.[key] ?? "", "base64").toString("utf8");

/** The name of a token's Secret. */
export function tokenSecretName(id: string): string {
  return `bootstrap-token-${id}`;
}

/** The id in what a user typed: the id, or the whole token. @throws Misuse */
export function tokenIdOf(typed: string): string {
  const id = /^([a-z0-9]{6})(\.[a-z0-9]{16})?$/.exec(typed)?.[1];
  if (id === undefined) throw new Misuse(`"${typed}" is no token: it must be ID or ID.SECRET`);
  return id;
}

/** Labels as they were typed, checked. @throws Misuse naming the label */
export function labelsText(typed: readonly string[]): string {
  const pairs = typed.flatMap((list) => list.split(",")).filter((pair) => pair.trim() !== "");
  for (const pair of pairs) {
    const [key = "", value, ...rest] = pair.split("=");
    if (value === undefined || rest.length > 0) {
      throw new Misuse(`--labels must be KEY=VALUE,..., has "${pair}"`);
    }
    const [problem] = [...qualifiedNameProblems(key), ...labelValueProblems(value)];
    if (problem !== undefined) throw new Misuse(`--labels has "${pair}": ${problem}`);
  }
  return pairs.join(",");
}

function stateOf(secret: Secret, nowMs: number): TokenView["state"] {
  const expiration = decoded(secret, "expiration");
  if (expiration !== "" && !(Date.parse(expiration) > nowMs)) return "Expired";
  const uses = decoded(secret, "uses");
  return uses !== "" && Number(decoded(secret, "used")) >= Number(uses) ? "UsedUp" : "Ready";
}

/** What a Secret says of its token. */
export function viewOf(secret: Secret, nowMs: number): TokenView {
  return {
    id: decoded(secret, "token-id"),
    state: stateOf(secret, nowMs),
    beacon: decoded(secret, "beacon"),
    uses: Number(decoded(secret, "uses")),
    used: Number(decoded(secret, "used")),
    expires: decoded(secret, "expiration"),
    lastUsed: decoded(secret, "last-used"),
    labels: decoded(secret, "node-labels"),
    description: decoded(secret, "description"),
  };
}

/** All tokens, by id. */
export async function listTokens(call: Call): Promise<readonly TokenView[]> {
  const { client } = await call.connect();
  const fieldSelector = `type=${tokenType}`;
  const { items } = await client.list(
    secrets,
    { namespace: tokenNamespace, fieldSelector },
    call.signal,
  );
  const nowMs = call.io.clock.nowMs();
  return items.map((secret) => viewOf(secret, nowMs)).toSorted((a, b) => a.id.localeCompare(b.id));
}

/** Makes a token of these terms. @returns the token, whose secret nobody is shown again */
export async function makeToken(call: Call, terms: TokenTerms): Promise<string> {
  const { client } = await call.connect();
  const [id, secret] = [random(6), random(16)];
  const values: Readonly<Record<string, string>> = {
    "token-id": id,
    "token-secret": secret,
    "usage-bootstrap-authentication": "true",
    expiration: terms.expires,
    uses: terms.uses === 0 ? "" : String(terms.uses),
    beacon: terms.beacon,
    "node-labels": terms.labels,
    description: terms.description,
  };
  const filled = Object.entries(values).filter(([, value]) => value !== "");
  await client.create(secrets, {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: tokenSecretName(id), namespace: tokenNamespace },
    type: tokenType,
    data: Object.fromEntries(
      filled.map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
    ),
  });
  return `${id}.${secret}`;
}

/** The token of that id. @throws StatusError `NotFound` */
export async function findToken(call: Call, id: string): Promise<TokenView> {
  const { client } = await call.connect();
  const key = { namespace: tokenNamespace, name: tokenSecretName(id) };
  const found = await client.get(secrets, key, call.signal);
  if (found === undefined) throw notFound({ group: "", plural: "tokens" }, id);
  return viewOf(found, call.io.clock.nowMs());
}

/** Deletes a token. @throws StatusError `NotFound` when there is none of that id */
export async function deleteToken(call: Call, id: string): Promise<void> {
  await findToken(call, id);
  const { client } = await call.connect();
  const key = { namespace: tokenNamespace, name: tokenSecretName(id) };
  try {
    await client.delete(secrets, key);
  } catch (err) {
    if (!isNotFound(err)) throw err; // somebody else was faster
  }
}
