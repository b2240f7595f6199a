import { KubeConfig } from "@kubernetes/client-node";
import { StatusError } from "../machinery/errors.ts";
import type { Credentials } from "./config.ts";
import type { KubeconfigCluster, KubeconfigUser } from "./kubeconfig-file.ts";

/** What the plug-ins of client-node fill in. */
type PluginOptions = {
  headers?: { Authorization?: string };
  cert?: string | Buffer;
  key?: string | Buffer;
};

const bearer = /^Bearer (.+)$/;

/**
 * Credentials of users with `exec` or `auth-provider`, asked anew for each call; client-node runs
 * the program and keeps what it said until that expires.
 *
 * This module costs half a second and 90 MB to load: import it only for such users.
 */
export function pluginCredentials(
  user: KubeconfigUser,
  cluster: KubeconfigCluster,
): () => Promise<Credentials> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromString(
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "cluster", cluster }],
      users: [{ name: "user", user }],
      contexts: [{ name: "context", context: { cluster: "cluster", user: "user" } }],
      "current-context": "context",
    }),
  );
  return async () => {
    const options: PluginOptions = {};
    try {
      await kubeConfig.applyToHTTPSOptions(options);
    } catch (cause) {
      const command = user.exec?.["command"];
      const what = typeof command === "string" ? `"${command}"` : "the auth-provider";
      throw new StatusError(
        "Unauthorized",
        `Cannot get credentials from ${what}: ${String(cause)}`,
        {
          cause,
        },
      );
    }
    const token = bearer.exec(options.headers?.Authorization ?? "")?.[1];
    return {
      ...(token === undefined ? {} : { token }),
      ...(options.cert === undefined ? {} : { clientCert: String(options.cert) }),
      ...(options.key === undefined ? {} : { clientKey: String(options.key) }),
    };
  };
}
