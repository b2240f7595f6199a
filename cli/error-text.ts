const verbs: Readonly<Record<string, string>> = {
  open: "open",
  scandir: "read",
  stat: "find",
  lstat: "find",
  mkdir: "make",
  unlink: "remove",
};

/** The message of a file's error behind one of ours. */
const quoted = /^(?<ours>.*): E[A-Z]+: (?<why>[^,]+), \w+ '(?<path>[^']*)'$/s;

/** Without the code and the path that ours names already. */
function withoutEcho(message: string): string {
  const { ours = "", why = "", path = "" } = quoted.exec(message)?.groups ?? {};
  return path !== "" && ours.includes(path) ? `${ours}: ${why}` : message;
}

/**
 * What an error says to whoever called a command. Those of files read as ours do: what cannot be done, with
 * which file, and why; Node.js would begin with a code such as `ENOENT`.
 */
export function errorText(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  const { message, syscall, path } = err as NodeJS.ErrnoException;
  const verb = verbs[syscall ?? ""];
  const why = /^E[A-Z]+: ([^,]+), /.exec(message)?.[1];
  return verb === undefined || why === undefined || path === undefined
    ? withoutEcho(message)
    : `Cannot ${verb} ${path}: ${why}`;
}
