import { createClient } from "../api/client/create-client.ts";
import { loadKubeconfig } from "../api/client/kubeconfig.ts";
import type { Io, Session } from "./command.ts";
import { paint } from "./output.ts";
import { productVersion } from "./version.ts";

/** What the user's flags and surroundings say about the server. */
export type Target = {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  readonly io: Io;
};

/** Opens the connection that a kubeconfig describes. Nothing is sent yet.
 * @throws StatusError naming the file, the context and the way out */
export async function connectTo({ kubeconfig, context, namespace, io }: Target): Promise<Session> {
  const resolved = await loadKubeconfig({
    env: io.env,
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
  });
  const warned = new Set<string>();
  const client = createClient({
    ...resolved.config,
    userAgent: `lighthouse-cli/${productVersion}`,
    onWarning(text) {
      if (warned.has(text)) return;
      warned.add(text);
      io.err(`${paint(io, "yellow", "Warning:")} ${text}\n`);
    },
  });
  return {
    client,
    namespace: namespace ?? resolved.namespace,
    server: resolved.config.server,
    async close() {
      await client[Symbol.asyncDispose]();
    },
  };
}
