import { readFile } from "node:fs/promises";
import { kubeconfigPaths } from "../../api/client/kubeconfig.ts";
import {
  type Kubeconfig,
  type KubeconfigCluster,
  readKubeconfig,
} from "../../api/client/kubeconfig-file.ts";
import { type Call, text } from "../command.ts";
import { loginPathOf } from "./exec-user.ts";
import type { TrustedServer } from "./server-trust.ts";

async function read({ flags, io }: Call): Promise<Kubeconfig | undefined> {
  const path = text(flags, "kubeconfig");
  return readKubeconfig(kubeconfigPaths({ env: io.env, ...(path === undefined ? {} : { path }) }));
}

async function trusted(cluster: KubeconfigCluster, server: string): Promise<TrustedServer> {
  const data = cluster["certificate-authority-data"];
  const file = cluster["certificate-authority"];
  if (data !== undefined && data !== "") {
    return { server, authority: Buffer.from(data, "base64").toString("utf8") };
  }
  return file === undefined || file === ""
    ? { server }
    : { server, authority: await readFile(file, "utf8") };
}

const urlOf = (server: string): string => server.replace(/\/+$/, "");

/** What the kubeconfig knows of a server; without a name that of `--context`, else of the current context. */
export async function knownServer(
  call: Call,
  server: string | undefined,
): Promise<TrustedServer | undefined> {
  const kubeconfig = await read(call);
  if (kubeconfig === undefined) return undefined;
  const { clusters, contexts, currentContext = "" } = kubeconfig;
  const named = contexts.get(text(call.flags, "context") ?? currentContext);
  const cluster =
    server === undefined
      ? clusters.get((named ?? contexts.get(currentContext))?.cluster ?? "")
      : [...clusters.values()].find((one) => urlOf(one.server ?? "") === server);
  const url = urlOf(cluster?.server ?? "");
  return cluster === undefined || !url.startsWith("https://") ? undefined : trusted(cluster, url);
}

/** A context and the file of its login, which is absent for users that `lighthouse login` did not make. */
export type ContextLogin = { readonly context: string; readonly path?: string };

/** The login of `--context`, else of the current context; `undefined` when there is no such context. */
export async function contextLogin(call: Call): Promise<ContextLogin | undefined> {
  const kubeconfig = await read(call);
  const context = text(call.flags, "context") ?? kubeconfig?.currentContext ?? "";
  const found = kubeconfig?.contexts.get(context);
  if (found === undefined) return undefined;
  const path = loginPathOf(kubeconfig?.users.get(found.user ?? ""));
  return path === undefined ? { context } : { context, path };
}
