import { type Call, Misuse, type Run } from "../command.ts";
import { ownUser } from "../login/own-user.ts";
import { askPassword, passwordOf, stdinLines } from "../login/password.ts";
import { type NewPassword, setPassword } from "../login/user-objects.ts";

/** The own password is changed with the current one: a machine that was left open gives nobody more. */
async function forOneself(call: Call): Promise<NewPassword> {
  if (call.flags["password-stdin"] !== true) {
    const current = await askPassword(call, { what: "Current password" });
    return { current, password: await askPassword(call, { what: "New password", twice: true }) };
  }
  const [current = "", password = "", ...more] = await stdinLines(call);
  if (current === "" || password === "" || more.length > 0)
    throw new Misuse("Expected two lines: the current password and the new one");
  return { current, password };
}

/** `lighthouse user set-password`. */
export const runUserSetPassword: Run = async (call) => {
  const { io, signal } = call;
  const [typed, ...more] = call.args;
  if (more.length > 0) throw new Misuse("Expected one NAME");
  const { client } = await call.connect();
  const own = await ownUser(client, signal);
  const name = typed ?? own?.name;
  if (name === undefined) throw new Misuse("Expected NAME: these credentials are no user's login");
  const body =
    name === own?.name
      ? await forOneself(call)
      : { password: await passwordOf(call, { what: `New password for ${name}`, twice: true }) };
  await setPassword(client, name, { body, signal });
  const others = name === own?.name ? "other sessions" : "sessions";
  io.out(`password of user ${name} set; its ${others} have ended\n`);
  return 0;
};
