import type { ClientConfig } from "../../api/client/config.ts";
import { loadKubeconfig } from "../../api/client/kubeconfig.ts";
import { type Call, Misuse, text } from "../command.ts";

/** A Node, and how its API server is reached. */
export type NodeTarget = { readonly nodeName: string; readonly config: ClientConfig };

/** The Node that the first argument names, and the server of the kubeconfig.
 * @throws Misuse without a name, StatusError for a kubeconfig that cannot be used */
export async function nodeTarget({ args, flags, io }: Call): Promise<NodeTarget> {
  const [nodeName] = args;
  if (nodeName === undefined || nodeName === "") throw new Misuse("Which Node? Name one");
  const [path, context] = [text(flags, "kubeconfig"), text(flags, "context")];
  const { config } = await loadKubeconfig({
    env: io.env,
    ...(path === undefined ? {} : { path }),
    ...(context === undefined ? {} : { context }),
  });
  return { nodeName, config };
}
