import { join } from "node:path";
import type { ServerConfig } from "./config.ts";
import type { Pki } from "./pki.ts";
import { type Access, writeKubeconfig } from "./pki/kubeconfig.ts";

/** Access for those that a server issues certificates to by itself. */
export type OwnAccess = {
  /** Access for an administrator, as in the kubeconfig. Read it anew after certificates were renewed. */
  readonly admin: Access;
  /** Access for controllers of this process group. */
  readonly controllers: Access;
  /** Access for the agent of this process group. */
  readonly agent: Access;
};

/** Access for each identity, given the server's address; always with the certificates of now. */
export function accessesOf(current: () => Pki, url: string): OwnAccess {
  const access = (holder: "admin" | "controllers" | "agent"): Access => ({
    server: url,
    get authority() {
      return current().authority;
    },
    get client() {
      return current()[holder];
    },
  });
  return { admin: access("admin"), controllers: access("controllers"), agent: access("agent") };
}

/** Writes the kubeconfigs of our own parts beside their keys, and the administrator's where it was asked for. */
export async function writeKubeconfigs(config: ServerConfig, pki: Pki, url: string): Promise<void> {
  const { admin, controllers, agent } = accessesOf(() => pki, url);
  const own = (name: string): string => join(pkiDirectory(config), `${name}.kubeconfig`);
  await writeKubeconfig(own("controllers"), controllers);
  await writeKubeconfig(own("agent"), agent);
  if (config.kubeconfig !== undefined) await writeKubeconfig(config.kubeconfig, admin);
}

/** Where a server keeps its keys and certificates. */
export const pkiDirectory = ({ dataDir }: ServerConfig): string => join(dataDir, "pki");
