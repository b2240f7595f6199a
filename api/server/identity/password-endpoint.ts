import { forbidden, invalid, notFound } from "../../machinery/errors.ts";
import type { Call } from "../objects/call.ts";
import { isDryRun } from "../objects/call.ts";
import type { Endpoint } from "../objects/routes.ts";
import { readItem } from "../objects/storage.ts";
import { readAuthBody } from "./auth-body.ts";
import { keyOf } from "./collections.ts";
import type { Logins } from "./login.ts";
import { ownSession } from "./own-password.ts";
import { passwordProblem } from "./password-rules.ts";
import type { Passwords } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import { checkTakeover } from "./takeover.ts";
import { asUser } from "./users.ts";

/** What setting a password needs. */
export type PasswordEndpointOptions = {
  readonly logins: Logins;
  readonly passwords: Passwords;
  readonly sessions: Sessions;
};

type Target = ReturnType<typeof asUser>;

async function targetOf({ storage, kind, name }: Call): Promise<Target> {
  const item = await readItem(storage, keyOf.user(name));
  if (item === undefined) throw notFound(kind, name);
  return asUser(item.object);
}

/** Whether the caller is logged in as this very User. */
function isOwn({ user }: Call, { metadata }: Target): boolean {
  const isSame = user.name === metadata.name && user.uid === metadata.uid;
  return isSame && ownSession(user) !== undefined;
}

/** @throws StatusError `Forbidden` for whoever proves neither the password of now nor enough rights */
async function checkCaller(
  call: Call,
  target: Target,
  { logins, current }: { readonly logins: Logins; readonly current: string | undefined },
): Promise<void> {
  const { kind, name, rights, storage, user } = call;
  if (!isOwn(call, target)) {
    const groups = target.spec.groups ?? [];
    await checkTakeover({ rights, cache: storage.cache }, user, { name, groups });
    return;
  }
  if (current === undefined) {
    throw forbidden(kind, name, "the own password is changed with the current one: send current");
  }
  if (!(await logins.confirm(target, current))) {
    throw forbidden(kind, name, "current is not the current password");
  }
}

const success = JSON.stringify({
  kind: "Status",
  apiVersion: "v1",
  metadata: {},
  status: "Success",
});

/**
 * `PUT /apis/lighthouse.dev/v1/users/NAME/password` with `{"password":"…","current":"…"}`. It ends the
 * other sessions of that User: whoever knew the old password may have opened them.
 */
export function passwordEndpoint(options: PasswordEndpointOptions): Endpoint {
  const { logins, passwords, sessions } = options;
  return {
    async update(call) {
      const fields = ["password", "current"] as const;
      const { password = "", current } = readAuthBody(call.contentType, call.rawBody, fields);
      const target = await targetOf(call);
      await checkCaller(call, target, { logins, current });
      const { name } = target.metadata;
      const problem = passwordProblem(password, { name, email: target.spec.email });
      if (problem !== undefined) {
        const message = `Invalid value: "<redacted>": ${problem}`;
        throw invalid(call.kind, name, [
          { reason: "FieldValueInvalid", message, field: "password" },
        ]);
      }
      if (isDryRun(call)) return { code: 200, body: success };
      await passwords.set(target, password);
      const kept = isOwn(call, target) ? ownSession(call.user) : undefined;
      for (const { metadata } of sessions.of(target)) {
        if (metadata.name !== kept) await sessions.end(metadata.name);
      }
      return { code: 200, body: success };
    },
  };
}
