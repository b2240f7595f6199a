import { users } from "../../api/machinery/resources.ts";
import { type Call, Misuse, type Run, text, texts } from "../command.ts";
import { documentText, isDocumentFormat } from "../document.ts";
import { changeUser, getUser } from "../login/user-objects.ts";

/** @throws Misuse */
function namesOf({ args }: Call): readonly string[] {
  if (args.length === 0) throw new Misuse("Expected at least one NAME");
  return args;
}

function switching(disabled: boolean): Run {
  return async (call) => {
    const { client } = await call.connect();
    for (const name of namesOf(call)) {
      await changeUser(client, name, { of: () => ({ disabled }), signal: call.signal });
      call.io.out(`user ${name} ${disabled ? "disabled" : "enabled"}\n`);
    }
    return 0;
  };
}

/** `lighthouse user disable`: counts with the next request of every session. */
export const runUserDisable = switching(true);

/** `lighthouse user enable`. */
export const runUserEnable = switching(false);

/** `lighthouse user delete`. */
export const runUserDelete: Run = async (call) => {
  const { client } = await call.connect();
  for (const name of namesOf(call)) {
    const { metadata } = await getUser(client, name, call.signal);
    const preconditions = metadata.uid === undefined ? {} : { uid: metadata.uid };
    await client.delete(users, { name }, { preconditions });
    call.io.out(`user ${name} deleted\n`);
  }
  return 0;
};

/** `lighthouse user groups`: shows them, or changes them by flags. */
export const runUserGroups: Run = async (call) => {
  const { flags, io, signal } = call;
  const [name, ...more] = call.args;
  if (name === undefined || more.length > 0) throw new Misuse("Expected one NAME");
  const [add, remove] = [texts(flags, "add"), texts(flags, "remove")];
  const { client } = await call.connect();
  const user =
    add.length + remove.length === 0
      ? await getUser(client, name, signal)
      : await changeUser(client, name, {
          of: ({ groups = [] }) => ({
            groups: [...new Set([...groups, ...add])].filter((one) => !remove.includes(one)),
          }),
          signal,
        });
  const groups = user.spec.groups ?? [];
  const format = text(flags, "output");
  if (isDocumentFormat(format)) io.out(documentText(format, { user: name, groups }));
  else io.out(groups.map((group) => `${group}\n`).join(""));
  if (groups.length === 0 && format === undefined) io.err(`user ${name} is in no group\n`);
  return 0;
};
