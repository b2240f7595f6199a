import type { Run } from "../command.ts";
import { forgetLogin } from "../login/forget-login.ts";
import { contextLogin } from "../login/known-server.ts";
import { readIfPresent } from "../../api/client/whole-file.ts";

/** `lighthouse logout`. The kubeconfig stays: its context says how to log in again. */
export const runLogout: Run = async (call) => {
  const { io, signal } = call;
  const login = await contextLogin(call);
  if (login?.path === undefined) {
    const which = login === undefined ? "There is no such context" : `Context "${login.context}"`;
    throw new Error(`${which}${login === undefined ? "" : " was not made by lighthouse login"}`);
  }
  const { context, path } = login;
  if ((await readIfPresent(path)) === undefined) {
    io.out(`Context "${context}" is logged out already\n`);
    return 0;
  }
  const problem = await forgetLogin(path, signal);
  io.out(`Logged out of context "${context}"\n`);
  if (problem === undefined) return 0;
  io.err(`Cannot tell the other side, where the login ends by itself: ${problem}\n`);
  return 1;
};
