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

/** Connections with the certificate of a kubeconfig's first user. */
export async function createClientAgent(kubeconfig: string): Promise<Agent> {
  const { clusters, users } = parse(await readFile(kubeconfig, "utf8")) as Document;
  return new Agent({
    keepAlive: true,
    ca: decoded(clusters[0]?.cluster["certificate-authority-data"]),
    cert: decoded(users[0]?.user["client-certificate-data"]),
    key: decoded(users[0]?.user["client-key-data"]),
  });
}
