import type { Answer, TestApp } from "./app.ts";
import { asUser } from "./app.ts";

/** Where Users are. */
export const usersPath = "/apis/lighthouse.dev/v1/users";

/** Headers of somebody who may do everything. */
export const asMaster = { headers: asUser("root", "system:masters") };

/** A password that the rules let through. */
export const goodPassword = "wet-harbour-lamp-42";

/** A User as kubectl sends it. */
export function userOf(name: string, spec: object): object {
  return { apiVersion: "lighthouse.dev/v1", kind: "User", metadata: { name }, spec };
}

/** Makes a User who can log in. */
export async function addPerson(
  { send }: Pick<TestApp, "send">,
  name: string,
  groups: readonly string[] = [],
): Promise<Answer> {
  const spec = { email: `${name}@example.com`, groups };
  const made = await send("POST", usersPath, userOf(name, spec), asMaster);
  if (made.code !== 201) throw new Error(`Cannot make user ${name}: ${made.text}`);
  const set = await setPassword({ send }, name, goodPassword);
  if (set.code !== 200) throw new Error(`Cannot set the password of ${name}: ${set.text}`);
  return made;
}

/** Sets a password as somebody who may do everything. */
export function setPassword(
  { send }: Pick<TestApp, "send">,
  name: string,
  password: string,
): Promise<Answer> {
  return send("PUT", `${usersPath}/${name}/password`, { password }, asMaster);
}

/** What a login of the CLI gets. */
export type Pair = {
  readonly session: string;
  readonly accessToken: string;
  readonly refreshToken: string;
};

/** Logs in with the CLI's kind of tokens. */
export async function logIn(
  { send }: Pick<TestApp, "send">,
  name: string,
  password = goodPassword,
): Promise<Pair> {
  const body = { email: `${name}@example.com`, password };
  const answer = await send("POST", "/auth/login", body);
  if (answer.code !== 200) throw new Error(`Cannot log in as ${name}: ${answer.text}`);
  return answer.body as unknown as Pair;
}

/** Headers of a request with a bearer token. */
export function bearing(token: string): { readonly headers: Record<string, string> } {
  return { headers: { authorization: `Bearer ${token}` } };
}

/** Headers of a page of our own origin, with the cookie of a login. */
export function browsing(cookie: string): Record<string, string> {
  return {
    host: "lighthouse.test",
    origin: "https://lighthouse.test",
    "lighthouse-csrf": "1",
    cookie: cookie.split(";")[0] ?? "",
  };
}
