import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import { parse } from "yaml";

type Document = {
  readonly clusters: readonly {
    readonly cluster: { readonly "certificate-authority-data": string };
  }[];
  readonly users: readonly {
    readonly user: {
      readonly "client-certificate-data": string;
      readonly "client-key-data": string;
    };
  }[];
};

const decoded = (data: string | undefined): Buffer => Buffer.from(data ?? "", "base64");

/** The server's authority and the first user's certificate and key, from a kubeconfig's text. */
export function credentialsOf(kubeconfig: string): {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
} {
  const { clusters, users } = parse(kubeconfig) as Document;
  return {
    ca: decoded(clusters[0]?.cluster["certificate-authority-data"]),
    cert: decoded(users[0]?.user["client-certificate-data"]),
    key: decoded(users[0]?.user["client-key-data"]),
  };
}

/** Connections with the certificate of a kubeconfig's first user. */
export async function createClientAgent(kubeconfig: string): Promise<Agent> {
  return new Agent({ keepAlive: true, ...credentialsOf(await readFile(kubeconfig, "utf8")) });
}
