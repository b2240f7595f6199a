import { createClient } from "../api/client/create-client.ts";
import { loadKubeconfig } from "../api/client/kubeconfig.ts";
import type { Io, Session } from "./command.ts";
import { loginCredentials } from "./login/own-plugin.ts";
import { paintError } from "./output.ts";
import { productVersion } from "./version.ts";

/** What the user's flags and surroundings say about the server. */
export type Target = {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly namespace: string | undefined;
  /** Whether what a dry run foresees is shown; commands that only check before they write hide it. */
  readonly showsPlans: boolean;
  readonly io: Io;
};

/** How the server begins the warnings that tell what a dry run of an Application foresees. */
const planMark = "plan: ";

/** Opens the connection that a kubeconfig describes. Nothing is sent yet.
 * @throws StatusError naming the file, the context and the way out */
export async function connectTo(target: Target): Promise<Session> {
  const { kubeconfig, context, namespace, showsPlans, io } = target;
  const resolved = await loadKubeconfig({
    env: io.env,
    ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ownPlugin: (user) => loginCredentials(user, io),
  });
  const warned = new Set<string>();
  const client = createClient({
    ...resolved.config,
    userAgent: `lighthouse-cli/${productVersion}`,
    onWarning(text) {
      if (warned.has(text) || (!showsPlans && text.startsWith(planMark))) return;
      warned.add(text);
      io.err(`${paintError(io, "yellow", "Warning:")} ${text}\n`);
    },
  });
  return {
    client,
    namespace: namespace ?? resolved.namespace,
    server: resolved.config.server,
    config: resolved.config,
    async close() {
      await client[Symbol.asyncDispose]();
    },
  };
}
