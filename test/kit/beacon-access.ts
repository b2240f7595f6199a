import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beaconsGroup, beaconUser } from "../../api/server/authz/node-identity.ts";
import { issueCertificate } from "../../api/server/pki/issue.ts";
import { type Access, writeKubeconfig } from "../../api/server/pki/kubeconfig.ts";

/** Access as the agent of a beacon, by a certificate from the authority of a server's data folder. */
export async function beaconAccess(
  dataDir: string,
  server: string,
  beacon: string,
): Promise<Access> {
  const file = (name: string): Promise<string> => readFile(join(dataDir, "pki", name), "utf8");
  const authority = { certificate: await file("ca.crt"), key: await file("ca.key") };
  const client = await issueCertificate(authority, {
    identity: { user: beaconUser(beacon), groups: [beaconsGroup] },
    usage: "client",
    names: [],
    nowMs: Date.now(),
  });
  return { server, authority: authority.certificate, client };
}

/** The same as a kubeconfig in the data folder; resolves to its path. */
export async function beaconKubeconfig(
  dataDir: string,
  server: string,
  beacon: string,
): Promise<string> {
  const path = join(dataDir, `beacon-${beacon}.kubeconfig`);
  await writeKubeconfig(path, await beaconAccess(dataDir, server, beacon));
  return path;
}
