import { createHash } from "node:crypto";
import { delimiter, resolve } from "node:path";
import type { ClientConfig } from "../../api/client/config.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { type Call, Misuse, text } from "../command.ts";

/** A Node, how its API server is reached, and as whom. */
export type NodeTarget = {
  readonly nodeName: string;
  readonly config: ClientConfig;
  /** Name of the context, also where the user named none. */
  readonly context: string;
  /** Absolute path or paths of the kubeconfig that the user or `KUBECONFIG` names; empty: the default. */
  readonly kubeconfig: string;
};

/** The Node that the first argument names, and the server of the kubeconfig.
 * @throws Misuse without a name, StatusError for a kubeconfig that cannot be used */
export async function nodeTarget({ args, flags, io }: Call): Promise<NodeTarget> {
  const [nodeName] = args;
  if (nodeName === undefined || nodeName === "") throw new Misuse("Which Node? Name one");
  const [path, context] = [text(flags, "kubeconfig"), text(flags, "context")];
  const { config, name } = await loadKubeconfig({
    env: io.env,
    ...(path === undefined ? {} : { path }),
    ...(context === undefined ? {} : { context }),
  });
  const paths = (path ?? io.env["KUBECONFIG"] ?? "").split(delimiter).filter((one) => one !== "");
  const kubeconfig = paths.map((one) => resolve(one)).join(delimiter);
  return { nodeName, config, context: name, kubeconfig };
}

/** A name for what is kept for a Node. Two shells of one person may be two users of the server:
 * neither may come to use the credentials of the other. */
export function targetId({ nodeName, config, context, kubeconfig }: NodeTarget): string {
  const about = JSON.stringify([config.server, nodeName, context, kubeconfig]);
  return createHash("sha256").update(about).digest("hex").slice(0, 12);
}
