/** How kubectl gets credentials by running a program. */
export type ExecUser = {
  readonly apiVersion: "client.authentication.k8s.io/v1";
  readonly command: string;
  readonly args: readonly string[];
  readonly interactiveMode: "Never";
  readonly provideClusterInfo: false;
  readonly installHint: string;
};

/** The name of a flag by which our users are known. */
const loginFlag = "--login";
/** The name of the one that is for messages. */
const serverFlag = "--server";

/** What a user of a kubeconfig runs us with. */
export type OwnExec = { readonly path: string; readonly server?: string };

/** The file of the login, and its server, of a user who runs us; `undefined` for all others. */
export function ownExecOf(user: unknown): OwnExec | undefined {
  const exec = (user as { readonly exec?: { readonly args?: unknown } } | undefined)?.exec;
  const args: readonly unknown[] = Array.isArray(exec?.args) ? exec.args : [];
  const after = (flag: string): unknown =>
    args.includes(flag) ? args[args.indexOf(flag) + 1] : undefined;
  const [path, server] = [after(loginFlag), after(serverFlag)];
  if (!args.includes("credential") || typeof path !== "string") return undefined;
  return typeof server === "string" ? { path, server } : { path };
}

/** The file of the login that a user of a kubeconfig runs us with; `undefined` for all others. */
export function loginPathOf(user: unknown): string | undefined {
  return ownExecOf(user)?.path;
}

/** How we are run for the login in a file. `command` is what starts `lighthouse`, with its first arguments. */
export function execUser(command: readonly string[], path: string, server: string): ExecUser {
  const [program = "lighthouse", ...first] = command;
  return {
    apiVersion: "client.authentication.k8s.io/v1",
    command: program,
    args: [...first, "credential", loginFlag, path, serverFlag, server],
    // It never asks anything: one whose login has ended is told what to run.
    interactiveMode: "Never",
    provideClusterInfo: false,
    installHint: `Install lighthouse, then run "lighthouse login ${server}"`,
  };
}
