import { users } from "../../api/machinery/resources.ts";
import { subdomainProblems } from "../../api/machinery/names.ts";
import { type Call, Misuse, type Run, text, texts } from "../command.ts";
import { passwordOf } from "../login/password.ts";
import { setPassword } from "../login/user-objects.ts";

/** @throws Misuse */
function nameOf({ args }: Call): string {
  const [name, ...more] = args;
  if (name === undefined || more.length > 0) throw new Misuse("Expected one NAME");
  const [problem] = subdomainProblems(name);
  if (problem !== undefined) throw new Misuse(`NAME is "${name}": ${problem}`);
  return name;
}

/** `lighthouse user create`. */
export const runUserCreate: Run = async (call) => {
  const { flags, io, signal } = call;
  const name = nameOf(call);
  const [email, displayName] = [text(flags, "email"), text(flags, "display-name")];
  const groups = texts(flags, "group");
  if (email === undefined) throw new Misuse("Expected --email ADDRESS");
  if (flags["no-password"] === true && flags["password-stdin"] === true)
    throw new Misuse("--no-password and --password-stdin exclude each other");
  // Asked for before anything is made: whoever has none at hand leaves no half a user behind.
  const password =
    flags["no-password"] === true
      ? undefined
      : await passwordOf(call, { what: `Password for ${name}`, twice: true });
  const { client } = await call.connect();
  await client.create(users, {
    apiVersion: "lighthouse.dev/v1",
    kind: "User",
    metadata: { name },
    spec: {
      email,
      disabled: false,
      ...(displayName === undefined ? {} : { displayName }),
      ...(groups.length === 0 ? {} : { groups: [...groups] }),
    },
  });
  io.out(`user ${name} created\n`);
  if (password === undefined) return 0;
  try {
    await setPassword(client, name, { body: { password }, signal });
  } catch (err) {
    io.err(
      `user ${name} has no password yet: set one with "lighthouse user set-password ${name}"\n`,
    );
    throw err;
  }
  return 0;
};
