import type { Client } from "../../api/client/client.ts";
import { isConflict, notFound } from "../../api/machinery/errors.ts";
import { users } from "../../api/machinery/resources.ts";
import type { User } from "../../crds/types.gen.ts";
import { callJson } from "./auth-api.ts";

/** @throws StatusError `NotFound` */
export async function getUser(client: Client, name: string, signal: AbortSignal): Promise<User> {
  const user = await client.get(users, { name }, signal);
  if (user === undefined) throw notFound(users, name);
  return user;
}

const maxTries = 5;

/** Changes a spec from what it is now; somebody else's change in between is kept. */
export async function changeUser(
  client: Client,
  name: string,
  change: {
    readonly of: (spec: User["spec"]) => Partial<User["spec"]>;
    readonly signal: AbortSignal;
  },
): Promise<User> {
  for (let tried = 1; ; tried += 1) {
    const { metadata, spec } = await getUser(client, name, change.signal);
    const { resourceVersion } = metadata;
    const body = { metadata: { resourceVersion }, spec: change.of(spec) };
    try {
      return await client.patch(users, { name }, { type: "merge", body });
    } catch (err) {
      if (!isConflict(err) || tried >= maxTries) throw err;
    }
  }
}

/** A new password; one's own needs the current one. */
export type NewPassword = { readonly password: string; readonly current?: string };

/** Sets the password of a User. @throws StatusError `Invalid` for one that is too easy to guess */
export async function setPassword(
  client: Client,
  name: string,
  { body, signal }: { readonly body: NewPassword; readonly signal: AbortSignal },
): Promise<void> {
  const path = `/apis/lighthouse.dev/v1/users/${encodeURIComponent(name)}/password`;
  await callJson(client, { method: "PUT", path, body }, signal);
}
