import { rm } from "node:fs/promises";
import { formatTime } from "../../api/machinery/time.ts";
import { type Call, Misuse, type Run, text, texts, wholeNumber } from "../command.ts";
import { endSession, logIn, whoAmI, withClient } from "../login/auth-api.ts";
import { chooseIssuer } from "../login/choose-issuer.ts";
import { forgetLogin } from "../login/forget-login.ts";
import { execUser } from "../login/exec-user.ts";
import {
  kubeconfigToWrite,
  type KubeconfigLogin,
  writeKubeconfigLogin,
} from "../login/kubeconfig-edit.ts";
import { knownServer } from "../login/known-server.ts";
import { type LoginState, newLoginPath, writeLogin } from "../login/login-state.ts";
import { passwordOf } from "../login/password.ts";
import { serverUrlOf, type TrustedServer, trustServer } from "../login/server-trust.ts";

/** What a login got, whatever the way. */
type Got = Pick<LoginState, "token" | "expiresMs" | "renewal">;

async function byPassword(call: Call, at: TrustedServer): Promise<Got> {
  const { flags, io, signal } = call;
  let email = text(flags, "email");
  if (email === undefined && io.ask !== undefined && flags["password-stdin"] !== true)
    email = (await io.ask("Email or name: ", { signal })).trim();
  if (email === undefined || email === "") throw new Misuse("Expected --email ADDRESS");
  const password = await passwordOf(call, { what: `Password of ${email}` });
  const { access, expiresMs, refresh } = await logIn(at, { email, password }, signal);
  return { token: access, expiresMs, renewal: { kind: "session", refresh } };
}

async function byOidc(call: Call, at: TrustedServer): Promise<Got> {
  const { flags, io, signal } = call;
  const who = await withClient(at, (client) => chooseIssuer(call, client));
  const { logInByOidc } = await import("../login/oidc-flows.ts");
  const flow = text(flags, "flow");
  const tokens = await logInByOidc(who, {
    show(words, url) {
      io.err(`${words}\n`);
      if (flags["no-browser"] !== true) io.browse?.(url);
    },
    flow: flow === "device" || flow === "browser" ? flow : undefined,
    scopes: texts(flags, "oidc-scope"),
    callbackPort: wholeNumber(flags, "callback-port") ?? 0,
    signal,
  });
  const { token, expiresMs, refresh } = tokens;
  return { token, expiresMs, renewal: { kind: "oidc", ...who, refresh } };
}

/** e.g. `lighthouse.example.com`; the port only where it is not the usual one. */
function contextNameOf(server: string): string {
  const { hostname, port } = new URL(server);
  return port === "6443" ? hostname : `${hostname}:${port === "" ? "443" : port}`;
}

async function placeOf(call: Call): Promise<TrustedServer> {
  const [typed, ...more] = call.args;
  if (more.length > 0) throw new Misuse("Expected one SERVER");
  const named = typed === undefined ? undefined : serverUrlOf(typed);
  const known = await knownServer(call, named);
  const server = named ?? known?.server;
  if (server === undefined) {
    throw new Misuse("Expected SERVER: the kubeconfig has no current context that names one");
  }
  return trustServer(call, server, known);
}

/** Nothing is left of a login that cannot be used. */
async function undo(state: LoginState, path: string): Promise<void> {
  await rm(path, { force: true });
  if (state.renewal.kind !== "session") return;
  const { refresh } = state.renewal;
  await endSession(state, refresh, AbortSignal.timeout(5_000)).catch(() => undefined); // it ends anyway
}

async function keep(call: Call, state: LoginState, at: TrustedServer): Promise<string> {
  const { io, flags, signal } = call;
  const path = newLoginPath(io.env, state.context);
  const kubeconfig = await kubeconfigToWrite(text(flags, "kubeconfig"), io.env);
  const namespace = text(flags, "namespace");
  const login: KubeconfigLogin = {
    name: state.context,
    at,
    exec: execUser(io.self?.() ?? ["lighthouse"], path, state.server),
    ...(namespace === undefined ? {} : { namespace }),
  };
  try {
    await writeLogin(path, { ...state, kubeconfig });
    const before = await writeKubeconfigLogin(kubeconfig, login, signal);
    // The former login of this context: nobody can use it any more.
    if (before !== undefined) await forgetLogin(before, AbortSignal.timeout(5_000));
  } catch (err) {
    await undo(state, path);
    throw err;
  }
  return kubeconfig;
}

/** `lighthouse login`. */
export const runLogin: Run = async (call) => {
  const { flags, io, signal } = call;
  const at = await placeOf(call);
  const oidc = flags["oidc"] === true || text(flags, "oidc-issuer") !== undefined;
  const got = await (oidc ? byOidc(call, at) : byPassword(call, at));
  const { username } = await withClient({ ...at, token: got.token }, (client) =>
    whoAmI(client, signal),
  );
  const context = text(flags, "context") ?? contextNameOf(at.server);
  const state: LoginState = { version: 1, ...at, context, user: username, ...got };
  const kubeconfig = await keep(call, state, at);
  io.out(`Logged in to ${at.server} as ${username}\n`);
  io.out(`Context "${context}" of ${kubeconfig} is the current one\n`);
  const { renewal, expiresMs } = got;
  if (renewal.kind === "oidc" && (renewal.refresh ?? "") === "")
    io.err(`The issuer lets nobody renew: this login ends at ${formatTime(expiresMs)}\n`);
  return 0;
};
