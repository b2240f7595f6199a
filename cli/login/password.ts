import { type Call, Misuse } from "../command.ts";

/** The lines of standard input; a last line end is no line of its own. */
export async function stdinLines({ io }: Call): Promise<readonly string[]> {
  const all = await io.readStdin();
  return all.replace(/\r?\n$/, "").split(/\r?\n/);
}

/** How a password is asked for. */
export type PasswordQuestion = {
  /** e.g. `Password for ann`. */
  readonly what: string;
  /** Ask twice: a new one that was mistyped locks its owner out. */
  readonly twice?: boolean;
};

/** A secret typed on the terminal. @throws Misuse where there is none, or the two differ */
export async function askPassword(
  { io, signal }: Call,
  { what, twice = false }: PasswordQuestion,
): Promise<string> {
  if (io.ask === undefined) {
    throw new Misuse("There is no terminal to ask for a password on: use --password-stdin");
  }
  const password = await io.ask(`${what}: `, { hidden: true, signal });
  if (password === "") throw new Misuse("The password is empty");
  if (twice && (await io.ask(`${what}, again: `, { hidden: true, signal })) !== password)
    throw new Misuse("The passwords differ");
  return password;
}

/** The password of `--password-stdin`, else one that is asked for. @throws Misuse when there is none */
export async function passwordOf(call: Call, question: PasswordQuestion): Promise<string> {
  if (call.flags["password-stdin"] !== true) return askPassword(call, question);
  const [password = "", ...more] = await stdinLines(call);
  if (password === "" || more.length > 0) throw new Misuse("Expected one line with the password");
  return password;
}
